import type { Environment } from "./environment.ts";
import { userAndPassword } from "./flag-values.ts";
import { keyAt } from "./key-paths.ts";
import { parseText } from "./text-values.ts";
import { mergeTrees, type Tree, treeOf } from "./tree.ts";

/** etcdctl's variables and the keys that they set. They rank below every `ETCD_ARK_…` variable. */
export const ETCDCTL_VARIABLES: Readonly<Record<string, string>> = {
  ETCDCTL_ENDPOINTS: "etcd.endpoints",
  ETCDCTL_CACERT: "etcd.tls.caFile",
  ETCDCTL_CERT: "etcd.tls.certFile",
  ETCDCTL_KEY: "etcd.tls.keyFile",
  ETCDCTL_INSECURE_SKIP_TLS_VERIFY: "etcd.tls.skipVerify",
  ETCDCTL_USER: "etcd.auth.username",
  ETCDCTL_PASSWORD: "etcd.auth.password",
};

/** The keys that etcdctl's variables set. As for etcdctl, an empty one is as if it were not there (etcd, pkg/flags). */
export function treeFromEtcdctl(environment: Environment): Tree {
  return Object.entries(ETCDCTL_VARIABLES).reduce<Tree>((tree, [name, path]) => {
    const text = environment[name];
    return text ? mergeTrees(tree, treeOfVariable({ name, path: path.split("."), text }, environment)) : tree;
  }, {});
}

interface Variable {
  readonly name: string;
  readonly path: readonly string[];
  readonly text: string;
}

/** A password stands in its own variable, or else behind the user's name (etcdctl, authCfgFromCmd). */
function treeOfVariable({ name, path, text }: Variable, environment: Environment): Tree {
  if (name === "ETCDCTL_PASSWORD" && !environment["ETCDCTL_USER"]) return {};
  if (name === "ETCDCTL_USER" && !environment["ETCDCTL_PASSWORD"]) return userAndPassword(text);
  const key = keyAt(path);
  return key ? treeOf(path, parseText(key, text)) : {};
}

/** The one of etcdctl's variables that sets the key at `path`, which one of them does. */
export function etcdctlVariable(environment: Environment, path: readonly PropertyKey[]): string {
  const key = keyAt(path)?.path.join(".");
  const named = Object.entries(ETCDCTL_VARIABLES).find(([name, sets]) => sets === key && environment[name]);
  // What has no variable to itself is the password behind the user's name.
  return named?.[0] ?? "ETCDCTL_USER";
}
