import { join } from "node:path";
import { readDecoded } from "../backup/copy-snapshot.ts";
import { decode } from "../backup/decoder.ts";
import { layout } from "../model/layout.ts";
import type { ObjectWriter } from "../ports/object-store.ts";
import type { RestoreContext } from "./context.ts";
import { type RestoreSource, sizesOf } from "./source.ts";

const FILE = "snapshot.db";

export interface FetchOptions {
  readonly directory: string;
  /** Whether bytes that are not those of the manifest are fetched all the same. */
  readonly force: boolean;
  readonly onProgress: (done: number, total: number) => void;
}

/** Brings the snapshot into a directory, as etcd sent it, and gives the path of the file. A local file stays where it is. */
export async function fetchSource(
  context: Pick<RestoreContext, "localFiles">,
  { source, directory, force, onProgress }: FetchOptions & { readonly source: RestoreSource },
  signal: AbortSignal,
): Promise<string> {
  if (source.kind === "file") return source.path;
  const { fetchedBytes } = sizesOf(source);
  await using into = context.localFiles(directory);
  await using writer = await into.open(FILE, { expectedSize: fetchedBytes, metadata: {} }, signal);
  const reporting = withProgress(writer, (done) => onProgress(done, Math.max(done, fetchedBytes)));
  const isChecked = source.kind === "stored" && !force;
  const bytes = isChecked ? readDecoded(source.snapshot, signal) : bytesOf(source, signal);
  for await (const chunk of bytes) await reporting.write(chunk);
  await writer.complete();
  return join(directory, FILE);
}

/** Etcd's bytes, whatever they are worth. */
function bytesOf(source: Exclude<RestoreSource, { kind: "file" }>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (source.kind === "object") {
    return decode(source.store.read(source.key, undefined, signal), source.object.encoding);
  }
  const { store, cluster, manifest } = source.snapshot;
  const key = layout.snapshot(cluster, manifest.name, manifest.encoding);
  return decode(store.read(key, undefined, signal), manifest.encoding);
}

function withProgress(writer: ObjectWriter, report: (done: number) => void): ObjectWriter {
  let done = 0;
  return {
    expect: (size) => writer.expect(size),
    write: (chunk) => {
      done += chunk.length;
      report(done);
      return writer.write(chunk);
    },
    get mayExist() {
      return writer.mayExist;
    },
    complete: () => writer.complete(),
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}
