import { cacheDirectory, installPrefix, proxyVariable } from "../../test/support/debian.ts";
import { etcdPrefixes, sharedEtcdVariable, startEtcd } from "../../test/support/etcd.ts";
import { ownService, ownServiceVariable, sharedRgwVariable } from "../../test/support/rgw.ts";
import { rgwPrefixes, startRgwCluster } from "../../test/support/rgw-cluster.ts";
import { tempDir } from "../../test/support/temp-dir.ts";

/** What of the caller's environment the tests may see, as in `tools/test.ts`. */
const kept = /^(PATH|LANG|TMPDIR|ETCD_ARK_TEST_\w+)$/;

/** The environment of tests: nothing of the caller's own, above all no credentials, and an empty HOME. */
export async function testEnvironment(resources: AsyncDisposableStack): Promise<NodeJS.ProcessEnv> {
  const entries = Object.entries(process.env);
  const proxies = entries.filter(([name]) => /^(https?|ftp|all|no)_proxy$/i.test(name));
  const own = ownService();
  return {
    ...Object.fromEntries(entries.filter(([name]) => kept.test(name))),
    HOME: resources.use(await tempDir()).path,
    AWS_EC2_METADATA_DISABLED: "true",
    ETCD_ARK_TEST_CACHE: cacheDirectory(),
    [proxyVariable]: JSON.stringify(Object.fromEntries(proxies)),
    ...(own && { [ownServiceVariable]: JSON.stringify(own) }),
  };
}

/** Starts the servers that all runs share; returns the variables that tell tests of them. */
export async function startSharedServers(resources: AsyncDisposableStack): Promise<NodeJS.ProcessEnv> {
  if (!process.env["ETCD_ARK_TEST_ETCD_BIN"]) {
    for (const prefix of Object.values(etcdPrefixes)) await installPrefix(prefix);
  }
  const etcd = resources.use(await startEtcd());
  const shared = { [sharedEtcdVariable]: etcd.endpoints[0] };
  if (ownService()) return shared;
  for (const prefix of Object.values(rgwPrefixes)) await installPrefix(prefix);
  const rgw = resources.use(await startRgwCluster("trixie"));
  return { ...shared, [sharedRgwVariable]: JSON.stringify(rgw.access) };
}
