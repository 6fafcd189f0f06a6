import { installPrefix } from "../support/debian.ts";
import { etcdPrefixes } from "../support/etcd.ts";
import { rgwPrefixes } from "../support/rgw-cluster.ts";

await installPrefix(etcdPrefixes["3.5"]);
await installPrefix(rgwPrefixes.trixie);
