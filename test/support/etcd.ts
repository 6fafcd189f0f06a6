import { type EtcdAuth, enableAuth } from "./etcd-auth.ts";
import { type EtcdMember, planMembers } from "./etcd-member.ts";
import { type EtcdPrograms, etcdPrograms } from "./etcd-programs.ts";
import { type EtcdTls, makeTls } from "./etcd-tls.ts";
import { execute } from "./execute.ts";
import { PeerNetwork } from "./peer-network.ts";
import { type TempDir, tempDir } from "./temp-dir.ts";

export { etcdPrefixes } from "./etcd-programs.ts";

/** Which etcd to start. Default: one plain member of 3.5. */
export interface EtcdOptions {
  readonly version?: "3.4" | "3.5";
  readonly members?: 1 | 3;
  /** TLS for clients, whose certificates are required. */
  readonly tls?: boolean;
  readonly auth?: boolean;
  /** The life of an auth token that is not used. */
  readonly authTokenTtlSeconds?: number;
  /** Takes the plain 3.5 member that `npm test` started, if any: for tests that neither harm it nor need it empty. */
  readonly shared?: boolean;
  readonly extraArgs?: readonly string[];
}

/** A running cluster. */
export interface EtcdCluster extends AsyncDisposable {
  /** As etcd tells it, for example "3.5.16". */
  readonly version: string;
  /** Client URLs, with scheme. */
  readonly endpoints: readonly string[];
  /** None of the shared one: it is not the caller's to stop. */
  readonly members: readonly EtcdMember[];
  readonly tls?: EtcdTls;
  readonly auth?: EtcdAuth;
  /** Runs etcdctl with the cluster's endpoints, certificates and root user; gives its standard output. */
  etcdctl(...args: readonly string[]): Promise<string>;
  /** Runs etcdutl, which 3.4 has not: there etcdctl does its work. */
  etcdutl(...args: readonly string[]): Promise<string>;
}

/** Where `npm test` leaves the client URL of the member that test files share. */
export const sharedEtcdVariable = "ETCD_ARK_TEST_SHARED_ETCD";

/** Starts a cluster on 127.0.0.1. Disposal stops it and removes its data, and so does the end of this process. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const programs = await etcdPrograms(options.version ?? "3.5");
  const shared = process.env[sharedEtcdVariable];
  if (options.shared && shared) return access({ programs, endpoints: [shared] });
  for (let attempt = 1; ; attempt++) {
    const directory = await tempDir("etcd-ark-etcd-");
    try {
      return await start({ options, programs, directory });
    } catch (error) {
      await directory[Symbol.asyncDispose]();
      if (attempt === 3 || !String(error).includes("address already in use")) throw error;
    }
  }
}

interface Setup {
  readonly options: EtcdOptions;
  readonly programs: EtcdPrograms;
  readonly directory: TempDir;
}

async function start({ options, programs, directory }: Setup): Promise<EtcdCluster> {
  const tls = options.tls ? await makeTls(directory.path) : undefined;
  const network = new PeerNetwork();
  const ttl = options.authTokenTtlSeconds;
  const args = [...(ttl ? [`--auth-token-ttl=${ttl}`] : []), ...(options.extraArgs ?? [])];
  const plan = { members: options.members ?? 1, directory: directory.path, programs, network, tls, args };
  const members = await planMembers(plan);
  const end = async () => {
    await Promise.all(members.map((member) => member.kill()));
    await network[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  try {
    await Promise.all(members.map((member) => member.start()));
    const reached = { programs, endpoints: members.map((member) => member.endpoint), members, tls, end };
    const { etcdctl } = access(reached);
    if (members.length > 1) identify(network, await etcdctl("member", "list"));
    return access({ ...reached, auth: options.auth ? await enableAuth(etcdctl) : undefined });
  } catch (error) {
    await end();
    throw error;
  }
}

/** Lines like "8e9e05c52164694d, started, m1, …". */
function identify(network: PeerNetwork, memberList: string): void {
  for (const [, id = "", name = ""] of memberList.matchAll(/^([0-9a-f]+), \w+, (\w+),/gm)) network.identify(id, name);
}

interface Reached {
  readonly programs: EtcdPrograms;
  readonly endpoints: readonly string[];
  readonly members?: readonly EtcdMember[];
  readonly tls?: EtcdTls | undefined;
  readonly auth?: EtcdAuth | undefined;
  readonly end?: () => Promise<void>;
}

function access(reached: Reached): EtcdCluster {
  const { programs, endpoints, members = [], tls, auth, end } = reached;
  return {
    version: programs.version,
    endpoints,
    members,
    ...(tls && { tls }),
    ...(auth && { auth }),
    etcdctl: (...args) => execute(programs.etcdctl(...args), etcdctlEnvironment(reached, args)),
    etcdutl: (...args) => execute(programs.etcdutl(...args), { ETCDCTL_API: "3" }),
    async [Symbol.asyncDispose]() {
      await end?.();
    },
  };
}

/** etcdctl refuses a flag together with its variable, and a snapshot of more than one endpoint. */
function etcdctlEnvironment({ endpoints, tls, auth }: Reached, args: readonly string[]): Record<string, string> {
  const one = args[0] === "snapshot" && args[1] === "save";
  const flags = {
    endpoints: endpoints.slice(0, one ? 1 : undefined).join(","),
    ...(tls && { cacert: tls.caFile, cert: tls.certFile, key: tls.keyFile }),
    ...(auth && { user: `${auth.username}:${auth.password}` }),
  };
  const unset = Object.entries(flags).filter(([flag]) => !args.some((word) => word.split("=", 1)[0] === `--${flag}`));
  return {
    ETCDCTL_API: "3",
    ...Object.fromEntries(unset.map(([flag, value]) => [`ETCDCTL_${flag.toUpperCase()}`, value])),
  };
}
