import { snapshotFixture } from "../../test/unit/mvcc/memory-source.ts";
import { ModelStore } from "../../test/unit/mvcc/model-store.ts";

/** A sound file that is damaged again and again. */
export interface Original {
  readonly name: string;
  readonly bytes: Buffer;
}

const FIXTURES = ["etcd-3.4-fresh", "etcd-3.5-few", "etcd-3.5-bigtail", "etcd-3.4-compacted"];
const SMALL_BYTES = 200_000;

/** Snapshots of real servers without the digest, which would give every damage away, and a tree of three levels. */
export function originals(): Original[] {
  const fixtures = FIXTURES.map((name) => ({ name, bytes: snapshotFixture(name).subarray(0, -32) }));
  return [...fixtures, { name: "made, compacted", bytes: made(150) }, { name: "made, deep", bytes: made(4000) }];
}

/** Those that are quick to read. */
export function smallOriginals(): Original[] {
  return originals().filter(({ bytes }) => bytes.length <= SMALL_BYTES);
}

function made(transactions: number): Buffer {
  const store = new ModelStore();
  for (let index = 0; index < transactions; index++) {
    const keys = [index % 7, index % 11, index % 23];
    store.commit(keys.map((key, at) => (at === 2 ? { delete: `key ${key}` } : { put: `key ${key}`, size: key * 9 })));
  }
  store.compact(Math.floor(transactions / 3));
  return store.file();
}
