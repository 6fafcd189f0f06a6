import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ArkResult } from "../support/cli.ts";
import { toolPath } from "../support/restore-tools.ts";
import { type TempDir, tempDir } from "../support/temp-dir.ts";
import type { Scene } from "./scene.ts";

/** A key as `etcdctl get -o json` shows it. */
export interface StoredKey {
  readonly key: string;
  readonly create_revision: number;
  readonly mod_revision: number;
  readonly version: number;
  readonly value?: string;
  readonly lease?: number;
}

/** Every key with its revisions, versions, lease and value. */
export async function allKeys(
  etcdctl: (...args: readonly string[]) => Promise<string>,
  revision?: string,
): Promise<{ keys: readonly StoredKey[]; revision: number }> {
  const at = revision === undefined ? [] : [`--rev=${revision}`];
  const { header, kvs = [] } = JSON.parse(await etcdctl("get", "", "--from-key", ...at, "--write-out=json"));
  return { keys: kvs, revision: header.revision };
}

/** A machine on which somebody restores: a directory, and the tools of one version. */
export interface Machine extends AsyncDisposable {
  /** Where the data directory shall appear; nothing else is in the directory above it. */
  readonly dataDir: string;
  readonly env: Record<string, string>;
  readonly directory: string;
  restore(args: readonly string[], env?: Record<string, string>): Promise<ArkResult>;
  /** What lies in the parent of the data directory, hidden or not. */
  there(): Promise<string[]>;
}

/** A machine beside the scene. */
export async function machineOf(scene: Scene, version: "3.4" | "3.5" = "3.5"): Promise<Machine> {
  const directory: TempDir = await tempDir("etcd-ark-machine-");
  const tools: TempDir = await tempDir("etcd-ark-tools-");
  const env = { ...scene.env, PATH: await toolPath(tools.path, version) };
  const dataDir = join(directory.path, "data");
  return {
    dataDir,
    env,
    directory: directory.path,
    restore: (args, other = {}) => scene.ark(["restore", ...args], { cwd: tools.path, env: { ...env, ...other } }),
    there: async () => (await readdir(directory.path)).sort(),
    [Symbol.asyncDispose]: async () => {
      await directory[Symbol.asyncDispose]();
      await tools[Symbol.asyncDispose]();
    },
  };
}

/** What `restore -o json` prints. */
export function restoredOf(result: ArkResult): {
  readonly name: string;
  readonly from: string;
  readonly revision: string;
  readonly dataDir: string;
  readonly walDir: string | null;
  readonly tool: { readonly path: string; readonly version: string };
  readonly next: readonly string[];
} {
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}
