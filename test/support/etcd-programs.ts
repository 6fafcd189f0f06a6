import { access } from "node:fs/promises";
import { join } from "node:path";
import { installPrefix, type Prefix } from "./debian.ts";
import { execute } from "./execute.ts";

/** What to download before the tests. */
export const etcdPrefixes = {
  "3.4": {
    name: "etcd",
    suite: "bookworm",
    packages: ["etcd-server", "etcd-client", "libc6"],
    programs: ["etcd", "etcdctl"],
  },
  "3.5": {
    name: "etcd",
    suite: "trixie",
    packages: ["etcd-server", "etcd-client", "libc6"],
    programs: ["etcd", "etcdctl", "etcdutl"],
  },
} as const satisfies Record<string, Prefix>;

/** The words that start each program. */
export interface EtcdPrograms {
  readonly version: string;
  readonly etcd: Argv;
  readonly etcdctl: Argv;
  readonly etcdutl: Argv;
}

/** The programs of `$ETCD_ARK_TEST_ETCD_BIN`, whatever version they are, else of Debian's packages. */
export async function etcdPrograms(version: "3.4" | "3.5"): Promise<EtcdPrograms> {
  const own = process.env["ETCD_ARK_TEST_ETCD_BIN"];
  const argv = own ? ownPrograms(own) : (await installPrefix(etcdPrefixes[version])).argv;
  const etcd: Argv = (...args) => argv("etcd", ...args);
  const etcdctl: Argv = (...args) => argv("etcdctl", ...args);
  const hasUtl = own ? await exists(join(own, "etcdutl")) : version !== "3.4";
  const etcdutl: Argv = hasUtl ? (...args) => argv("etcdutl", ...args) : etcdctl;
  const [, exact = version] = /etcd Version: (\S+)/.exec(await execute(etcd("--version"))) ?? [];
  return { version: exact, etcd, etcdctl, etcdutl };
}

function ownPrograms(directory: string) {
  return (program: string, ...args: readonly string[]) => [join(directory, program), ...args];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

type Argv = (...args: readonly string[]) => string[];
