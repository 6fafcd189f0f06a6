import { pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { BackupError } from "../errors.ts";
import { unzip } from "./unzip.ts";

/** Turns stored bytes back into etcd's, undoing the steps of a manifest's `encoding` from the last to the first. */
export function decode(stored: AsyncIterable<Uint8Array>, encoding: readonly string[]): AsyncIterable<Uint8Array> {
  return encoding.toReversed().reduce<AsyncIterable<Uint8Array>>(undo, stored);
}

async function* undo(bytes: AsyncIterable<Uint8Array>, step: string): AsyncGenerator<Uint8Array> {
  // How k3s compresses; no manifest has it.
  if (step === "zip") return yield* unzip(bytes);
  const transform = transformFor(step);
  // Errors of either side surface where the result is iterated.
  pipeline(Readable.from(bytes), transform, () => undefined);
  try {
    yield* transform;
  } catch (cause) {
    if (cause instanceof BackupError) throw cause;
    throw new BackupError("SNAPSHOT_CORRUPT", `Cannot decode snapshot: it is no whole ${step} stream`, {
      hint: "Take another one: `etcd-ark list` shows them",
      cause,
    });
  }
}

function transformFor(step: string) {
  switch (step) {
    case "gzip":
      return createGunzip();
    case "zstd":
      return createZstdDecompress();
    default:
      throw new BackupError("SNAPSHOT_CORRUPT", `Cannot decode snapshot: encoding "${step}" is unknown`, {
        hint: "Upgrade etcd-ark, or fetch the stored bytes with --raw",
      });
  }
}
