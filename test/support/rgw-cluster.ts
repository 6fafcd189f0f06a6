import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "./certificates.ts";
import { type InstalledPrefix, installPrefix, type Prefix } from "./debian.ts";
import { eventually } from "./eventually.ts";
import { execute } from "./execute.ts";
import { reservePort } from "./ports.ts";
import { cephConfig, type RgwLayout } from "./rgw-config.ts";
import { logTail, type Server, startServer } from "./supervisor.ts";
import { type TempDir, tempDir } from "./temp-dir.ts";

/** What to download before the tests: 18.2 of trixie, and 16.2 of bookworm as the provider that never updates. */
export const rgwPrefixes = { trixie: prefix("trixie"), bookworm: prefix("bookworm") } as const;

/** A running gateway, as another process needs to know it. Plain data, so that it can be handed over by JSON. */
export interface RgwAccess {
  readonly endpoint: string;
  readonly tlsEndpoint: string;
  readonly caFile: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The words that start radosgw-admin; undefined for a service that is not ours. */
  readonly adminArgv?: readonly string[] | undefined;
}

/** A gateway with its cluster. */
export interface RgwCluster extends AsyncDisposable {
  readonly access: RgwAccess;
}

function prefix(suite: Prefix["suite"]): Prefix {
  return {
    name: "rgw",
    suite,
    packages: ["radosgw", "ceph-mon", "ceph-osd", "ceph-base", "ceph-common"],
    programs: ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "osdmaptool", "monmaptool"],
  };
}

/** Starts a cluster on 127.0.0.1 that keeps its objects in memory. */
export async function startRgwCluster(suite: Prefix["suite"]): Promise<RgwCluster> {
  const programs = await installPrefix(rgwPrefixes[suite]);
  for (let attempt = 1; ; attempt++) {
    const directory = await tempDir("etcd-ark-rgw-");
    const cluster = new Cluster(programs, directory);
    try {
      return { access: await cluster.start(), [Symbol.asyncDispose]: () => cluster.end() };
    } catch (error) {
      await cluster.end();
      if (attempt === 3) throw error;
    }
  }
}

class Cluster {
  readonly #programs: InstalledPrefix;
  readonly #directory: TempDir;
  readonly #servers: Server[] = [];

  constructor(programs: InstalledPrefix, directory: TempDir) {
    this.#programs = programs;
    this.#directory = directory;
  }

  async start(): Promise<RgwAccess> {
    const directory = this.#directory.path;
    const layout: RgwLayout = {
      directory,
      libraryDirectory: this.#programs.libraryDirectory,
      fsid: randomUUID(),
      monitorPort: await reservePort(),
      port: await reservePort(),
      tlsPort: await reservePort(),
    };
    await this.#write(layout);
    await this.#makeMonitor(layout);
    await this.#spawn("ceph-mon", "-i", "a");
    await this.#run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", randomUUID());
    await this.#spawn("ceph-osd", "-i", "0");
    const access = await this.#createUser(layout);
    const gateway = await this.#spawn("radosgw", "-n", "client.rgw");
    await this.#answering(gateway, access.endpoint);
    return access;
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end("SIGKILL")));
    await this.#directory[Symbol.asyncDispose]();
  }

  async #write(layout: RgwLayout): Promise<void> {
    const { directory } = layout;
    const authority = createAuthority();
    const { cert, key } = authority.issue({ commonName: "localhost", dnsNames: ["localhost", "*.localhost"] });
    const files = {
      "ceph.conf": cephConfig(layout),
      keyring: "",
      "ca.crt": authority.cert,
      "server.crt": cert,
      "server.key": key,
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(directory, name), content, { mode: 0o600 });
    }
    for (const data of ["mon", "osd", "rgw"]) await mkdir(join(directory, data));
  }

  /** The first maps hold osd.0 and its place already, so that neither the `ceph` command nor a manager is needed. */
  async #makeMonitor({ directory, fsid, monitorPort }: RgwLayout): Promise<void> {
    const monmap = join(directory, "monmap");
    const osdmap = join(directory, "osdmap");
    const address = `[v2:127.0.0.1:${monitorPort}]`;
    await execute(this.#programs.argv("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap));
    await this.#run("osdmaptool", "--createsimple", "1", osdmap);
    await this.#run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--osdmap", osdmap, "--fsid", fsid);
  }

  async #createUser({ directory, port, tlsPort }: RgwLayout): Promise<RgwAccess> {
    const keys = { accessKeyId: "AKETCDARKBOOTSTRAP", secretAccessKey: "etcd-ark-bootstrap-secret" };
    await this.#run(
      "radosgw-admin",
      ...["user", "create", "--uid=bootstrap", "--display-name=bootstrap"],
      ...[`--access-key=${keys.accessKeyId}`, `--secret-key=${keys.secretAccessKey}`],
      "--caps=roles=*;user-policy=*;users=*",
    );
    return {
      endpoint: `http://127.0.0.1:${port}`,
      tlsEndpoint: `https://localhost:${tlsPort}`,
      caFile: join(directory, "ca.crt"),
      region: "us-east-1",
      ...keys,
      adminArgv: this.#argv("radosgw-admin"),
    };
  }

  async #answering(gateway: Server, endpoint: string): Promise<void> {
    const state = await eventually(async () => gateway.exit ?? (await fetch(endpoint)).status, { timeoutMs: 60_000 });
    if (state !== 200) throw new Error(`Cannot start radosgw: ${state}\n${await logTail(gateway)}`);
  }

  async #run(program: string, ...args: readonly string[]): Promise<string> {
    return await execute(this.#argv(program, ...args));
  }

  async #spawn(program: string, ...args: readonly string[]): Promise<Server> {
    const server = await startServer({
      argv: this.#argv(program, "-f", ...args),
      cwd: this.#directory.path,
      log: join(this.#directory.path, `${program}.out`),
    });
    this.#servers.push(server);
    return server;
  }

  #argv(program: string, ...args: readonly string[]): string[] {
    return this.#programs.argv(program, "-c", join(this.#directory.path, "ceph.conf"), ...args);
  }
}
