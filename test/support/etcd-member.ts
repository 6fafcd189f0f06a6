import { randomBytes } from "node:crypto";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import type { EtcdPrograms } from "./etcd-programs.ts";
import { type EtcdTls, readTls } from "./etcd-tls.ts";
import { eventually } from "./eventually.ts";
import type { PeerNetwork } from "./peer-network.ts";
import { reservePort } from "./ports.ts";
import { logTail, type Server, startServer } from "./supervisor.ts";

/** One member of a cluster. */
export interface EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly dataDir: string;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Cuts the member off from its peers, not from clients. Needs three members. */
  isolate(): void;
  rejoin(): void;
  /** Starts the stopped member again on its data, and waits until it answers. */
  restart(): Promise<void>;
}

/** What a cluster's members have in common. */
export interface ClusterPlan {
  readonly members: number;
  readonly directory: string;
  readonly programs: EtcdPrograms;
  readonly network: PeerNetwork;
  readonly tls: EtcdTls | undefined;
  readonly args: readonly string[];
}

interface MemberPlan {
  readonly name: string;
  readonly endpoint: string;
  readonly dataDir: string;
  readonly log: string;
  readonly cwd: string;
  readonly argv: readonly string[];
  readonly tls: EtcdTls | undefined;
}

/** Chooses ports and flags for the members; none is started yet. */
export async function planMembers(cluster: ClusterPlan): Promise<StartableMember[]> {
  const { programs, network, tls, members: count } = cluster;
  const peers: { name: string; port: number; peer: string; advertised: string }[] = [];
  for (let index = 1; index <= count; index++) {
    const name = `m${index}`;
    const port = await reservePort();
    const peerPort = await reservePort();
    const advertised = count > 1 ? await network.forward(name, peerPort) : peerPort;
    peers.push({ name, port, peer: `http://127.0.0.1:${peerPort}`, advertised: `http://127.0.0.1:${advertised}` });
  }
  const initialCluster = peers.map(({ name, advertised }) => `${name}=${advertised}`).join(",");
  const token = randomBytes(6).toString("hex");
  return peers.map(({ name, port, peer, advertised }) => {
    const endpoint = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
    const dataDir = join(cluster.directory, name);
    const flags = {
      "--name": name,
      "--data-dir": dataDir,
      "--listen-client-urls": endpoint,
      "--advertise-client-urls": endpoint,
      "--listen-peer-urls": peer,
      "--initial-advertise-peer-urls": advertised,
      "--initial-cluster": initialCluster,
      "--initial-cluster-token": token,
      "--logger": "zap",
      ...(tls && {
        "--trusted-ca-file": tls.caFile,
        "--cert-file": join(cluster.directory, "server.crt"),
        "--key-file": join(cluster.directory, "server.key"),
        "--client-cert-auth": "true",
      }),
      // Nothing here outlives the machine, and a test of a hundred clusters need not wait for its disk.
      ...(!programs.version.startsWith("3.4") && { "--unsafe-no-fsync": "true" }),
    };
    const args = Object.entries(flags).map(([flag, value]) => `${flag}=${value}`);
    const argv = programs.etcd(...args, ...cluster.args);
    const plan = { name, endpoint, dataDir, log: `${dataDir}.log`, cwd: cluster.directory, argv, tls };
    return new Member(plan, network);
  });
}

/** A member that waits to be started for the first time. */
export interface StartableMember extends EtcdMember {
  start(): Promise<void>;
}

class Member implements StartableMember {
  readonly name: string;
  readonly endpoint: string;
  readonly dataDir: string;
  readonly #plan: MemberPlan;
  readonly #network: PeerNetwork;
  #server: Server | undefined;

  constructor(plan: MemberPlan, network: PeerNetwork) {
    this.name = plan.name;
    this.endpoint = plan.endpoint;
    this.dataDir = plan.dataDir;
    this.#plan = plan;
    this.#network = network;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  async start(): Promise<void> {
    const server = await startServer(this.#plan);
    this.#server = server;
    const state = await eventually(async () => server.exit ?? ((await healthy(this.#plan)) ? "healthy" : ""), {
      timeoutMs: 60_000,
    });
    if (state !== "healthy") {
      throw new Error(`Cannot start etcd member "${this.name}": it ended with ${state}\n${await logTail(server)}`);
    }
  }

  async stop(): Promise<void> {
    const ended = this.#server?.end("SIGTERM");
    // A frozen process takes no SIGTERM.
    this.thaw();
    await ended;
  }

  async kill(): Promise<void> {
    await this.#server?.end("SIGKILL");
  }

  freeze(): void {
    this.#server?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#server?.signal("SIGCONT");
  }

  isolate(): void {
    this.#network.isolate(this.name);
  }

  rejoin(): void {
    this.#network.rejoin(this.name);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }
}

/** etcd answers /health with 200 once it has a leader. */
async function healthy({ endpoint, tls }: MemberPlan): Promise<boolean> {
  const files = tls && (await readTls(tls));
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const get = files ? httpsGet : httpGet;
  const request = get(`${endpoint}/health`, { ...files, agent: false, timeout: 5000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.on("timeout", () => request.destroy()).on("error", () => resolve(false));
  return promise;
}
