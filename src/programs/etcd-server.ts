import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { kill } from "node:process";
import { BackupError, messageOf } from "../errors.ts";
import type { EtcdServer, FindEtcdServer, ThrowawayEtcd, ThrowawayMember } from "../ports/etcd-tools.ts";
import type { EtcdToolsOptions } from "./etcd-tools.ts";
import { findProgram } from "./find-program.ts";
import { runProgram } from "./run-program.ts";

const OUTPUT_CHARACTERS = 16_384;

/** Looks for etcd's server as an operator would. */
export function createFindEtcdServer({ environment, workingDirectory }: EtcdToolsOptions): FindEtcdServer {
  const searchPath = environment["PATH"] ?? "";
  // An ETCD_… variable of the shell or of the unit would count as a flag.
  const clean = { PATH: searchPath };
  return async (named, signal) => {
    const path = named ? resolve(workingDirectory, named) : await findProgram("etcd", searchPath);
    if (path === undefined) return undefined;
    const version = await versionOf(path, clean, signal);
    const reaper = await findProgram("setpriv", searchPath);
    return {
      path,
      version,
      start: (member) => start({ path, reaper, environment: clean }, member),
    } satisfies EtcdServer;
  };
}

async function versionOf(
  path: string,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const call = { path, args: ["--version"], environment };
  const result = await runProgram(call, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw noServer(path, messageOf(cause));
  });
  const version = /^etcd Version: (\S+)/m.exec(result.stdout)?.[1];
  if (version === undefined) throw noServer(path, "it does not say that it is etcd");
  return version;
}

interface Program {
  readonly path: string;
  /** util-linux's setpriv, if it is there: the kernel then ends etcd with us, even if we are killed. */
  readonly reaper: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

async function start({ path, reaper, environment }: Program, member: ThrowawayMember): Promise<ThrowawayEtcd> {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const args = argumentsOf(member, endpoint);
  const [command = path, ...rest] = reaper ? [reaper, "--pdeathsig", "KILL", path, ...args] : [path, ...args];
  const program = spawn(command, rest, {
    detached: true,
    env: { ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = tail(program);
  const closed = once(program, "close").catch(() => undefined);
  await once(program, "spawn").catch((cause: unknown) => {
    throw noServer(path, messageOf(cause));
  });
  return {
    endpoint,
    ended: closed.then(() => said.last()),
    [Symbol.asyncDispose]: async () => {
      killGroup(program.pid);
      await closed;
    },
  };
}

/** Nothing of it outlives the drill, so it is killed in the end, and its log goes nowhere but to our errors. */
function argumentsOf({ dataDir, name, peerUrl }: ThrowawayMember, endpoint: string): string[] {
  return [
    `--data-dir=${dataDir}`,
    `--name=${name}`,
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${name}=${peerUrl}`,
    "--logger=zap",
  ];
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address === "object" && address !== null) return address.port;
  throw new TypeError("A server on loopback has no port");
}

function tail({ stderr }: ChildProcess): { readonly last: () => string } {
  let text = "";
  stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = `${text}${chunk}`.slice(-OUTPUT_CHARACTERS);
  });
  return { last: () => text.trim().split("\n").at(-1) ?? "" };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

function noServer(path: string, why: string): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot use "${path}" as etcd: ${why}`, {
    hint: "Name etcd's server program with --etcd or drill.etcd, or install it: apt-get install etcd-server",
  });
}
