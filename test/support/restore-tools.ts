import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { etcdPrograms } from "./etcd-programs.ts";
import { eventually } from "./eventually.ts";
import { execute } from "./execute.ts";
import { reservePort } from "./ports.ts";
import { startServer } from "./supervisor.ts";

/** A value of PATH where etcd of that version and its tools are found, and the shell's own. Up to 3.4 there is no etcdutl. */
export async function toolPath(directory: string, version: "3.4" | "3.5" = "3.5"): Promise<string> {
  const { etcd, etcdutl, etcdctl } = await etcdPrograms(version);
  const bin = join(directory, `tools-${version}`);
  await mkdir(bin, { recursive: true });
  await script(join(bin, "etcd"), `exec ${words(etcd())} "$@"`);
  await script(join(bin, "etcdctl"), `exec ${words(etcdctl())} "$@"`);
  if (version !== "3.4") await script(join(bin, "etcdutl"), `exec ${words(etcdutl())} "$@"`);
  return `${bin}:/usr/bin:/bin`;
}

/**
 * A stock tool that hangs when it restores, before or after it has done its work, once it has written its process group
 * into `file`.
 */
export async function hangingTool(
  path: string,
  { file, when }: { readonly file: string; readonly when: "before" | "after" },
): Promise<void> {
  const { etcdutl } = await etcdPrograms("3.5");
  const tool = `${words(etcdutl())} "$@"`;
  const hang = `echo $$ > '${file}.new'; mv '${file}.new' '${file}'; sleep 3600`;
  const body = when === "before" ? hang : `${tool} || exit; ${hang}`;
  await script(path, `case "$*" in *restore*--data-dir*) ${body};; *) exec ${tool};; esac`);
}

async function script(path: string, body: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

function words(argv: readonly string[]): string {
  return argv.map((word) => `'${word}'`).join(" ");
}

/** A stock etcd on a data directory that is there already. Disposal kills it. */
export interface EtcdOnDirectory extends AsyncDisposable {
  readonly pid: number;
  etcdctl(...args: readonly string[]): Promise<string>;
}

export interface DirectoryMember {
  readonly dataDir: string;
  readonly version?: "3.4" | "3.5";
  /** Its peer URL; default: a free one. */
  readonly peer?: string;
  /** As it was restored with. */
  readonly args?: readonly string[];
  readonly log: string;
}

/** Starts etcd on a data directory, and waits until it is healthy, or until it runs if the others are not there yet. */
export async function startEtcdOn(
  { dataDir, version = "3.5", peer, args = [], log }: DirectoryMember,
  wait: "healthy" | "running" = "healthy",
): Promise<EtcdOnDirectory> {
  const programs = await etcdPrograms(version);
  const client = `http://127.0.0.1:${await reservePort()}`;
  const peers = peer ?? `http://127.0.0.1:${await reservePort()}`;
  const listen = [`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peers}`];
  const argv = programs.etcd(`--data-dir=${dataDir}`, ...args, ...listen, "--logger=zap");
  const server = await startServer({ argv, cwd: dataDir, log });
  const etcdctl = (...rest: readonly string[]): Promise<string> =>
    execute(programs.etcdctl(...rest), { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: client });
  if (wait === "healthy") {
    const isHealthy = () =>
      etcdctl("endpoint", "health").then(
        () => true,
        () => false,
      );
    await eventually(isHealthy, { timeoutMs: 60_000 });
  }
  return {
    pid: server.pid,
    etcdctl,
    [Symbol.asyncDispose]: async () => void (await server.end("SIGKILL")),
  };
}
