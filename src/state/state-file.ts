import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { encodeJson, parseJson } from "../model/manifest.ts";
import type { LocalState } from "../ports/local-state.ts";
import type { Telemetry } from "../ports/telemetry.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;

const Identity = z.looseObject({ store: z.string(), cluster: z.string(), uuid: z.string() });
const State = z.looseObject({ identities: z.array(Identity) });
type State = z.infer<typeof State>;

/**
 * Local state in `state.json` below `directory` (systemd's `$STATE_DIRECTORY`); with an empty path
 * nothing is remembered. Never rejects: state only guards, so trouble with it is a warning.
 */
export function createLocalState(directory: string, warn: Telemetry["warning"]): LocalState {
  if (directory === "") return { recall: async () => undefined, remember: async () => undefined };
  const path = join(directory, "state.json");
  const read = async (): Promise<State> => {
    const body = await readIfAny(path);
    const parsed = State.safeParse(body ? parseJson(body) : { identities: [] });
    if (!parsed.success) warn("The local state is broken; what it remembered is lost", { path });
    return parsed.data ?? { identities: [] };
  };
  return {
    recall: async (store, cluster) => {
      try {
        return (await read()).identities.find((known) => isOf(known, { store, cluster }))?.uuid;
      } catch (error) {
        warn("The local state cannot be read; the folder's identity is not compared with it", { path, err: error });
        return undefined;
      }
    },
    remember: async ({ store, cluster, uuid }) => {
      try {
        // What cannot be read is not written over: it may remember other stores.
        const state = await read();
        const others = state.identities.filter((known) => !isOf(known, { store, cluster }));
        await writeWhole(directory, {
          path,
          body: encodeJson({ ...state, identities: [...others, { store, cluster, uuid }] }),
        });
      } catch (error) {
        warn("The local state cannot be written", { path, err: error });
      }
    },
  };
}

function isOf(known: { store: string; cluster: string }, wanted: { store: string; cluster: string }): boolean {
  return known.store === wanted.store && known.cluster === wanted.cluster;
}

async function readIfAny(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Readers, and a start after a power cut, find the old file or the new one. */
async function writeWhole(
  directory: string,
  { path, body }: { readonly path: string; readonly body: Uint8Array },
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeSynced(temporary, body);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

async function writeSynced(path: string, body: Uint8Array): Promise<void> {
  const handle = await open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600);
  try {
    await handle.writeFile(body);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
