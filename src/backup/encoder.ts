import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Transform } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Compression } from "../model/compression.ts";

/** Takes the bytes, or a promise of when it can take more. */
export type Write = (chunk: Uint8Array) => Promise<void> | undefined;

/** Turns etcd's bytes into the bytes to store. */
export interface Encoder {
  readonly write: Write;
  /** Hands on what is left. Resolves to the SHA-256 of all stored bytes, given that of the raw ones. */
  finish(rawSha256: string): Promise<string>;
}

export function createEncoder(compression: Compression, output: Write): Encoder {
  if (compression.algorithm === "none") return { write: output, finish: async (rawSha256) => rawSha256 };
  return compressing(transformFor(compression), output);
}

function compressing(transform: Transform, output: Write): Encoder {
  const hash = createHash("sha256");
  const drained = (async () => {
    for await (const chunk of transform) {
      hash.update(chunk);
      await output(chunk);
    }
  })();
  // It is awaited by whichever write or finish comes next; until then it must not count as unhandled.
  drained.catch(() => undefined);
  return {
    write: (chunk) => {
      if (!transform.write(chunk)) return Promise.race([once(transform, "drain"), drained]).then(() => undefined);
      return undefined;
    },
    finish: async () => {
      transform.end();
      await drained;
      return hash.digest("hex");
    },
  };
}

function transformFor({ algorithm, level }: Exclude<Compression, { algorithm: "none" }>): Transform {
  if (algorithm === "gzip") return createGzip(level === undefined ? {} : { level });
  return createZstdCompress(level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } });
}
