import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { fetchSnapshot } from "../../../src/backup/fetch-snapshot.ts";
import { findSnapshot } from "../../../src/backup/find-snapshot.ts";
import { BackupError } from "../../../src/errors.ts";
import { encodeManifest } from "../../../src/model/manifest.ts";
import type { ObjectStore } from "../../../src/ports/object-store.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof BackupError && error.code === code;

async function fetchInto(lab: BackupLab, name: string): Promise<MemoryStore> {
  const into = new MemoryStore({ clock: lab.clock, id: "files" });
  const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);
  await fetchSnapshot(snapshot, { into, file: "snapshot.db" }, lab.never);
  return into;
}

describe("fetchSnapshot()", () => {
  for (const algorithm of ["none", "gzip", "zstd"] as const) {
    it(`gives etcd's own bytes back (stored with compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();

      const into = await fetchInto(lab, name);

      assert.deepEqual(Buffer.from(into.peek("snapshot.db") ?? []), lab.source.snapshot());
    });

    it(`writes nothing when a stored byte has changed (compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();
      const key = lab.store.keys.find((each) => each.includes("/snapshots/")) ?? "";
      const bytes = Buffer.from(lab.store.peek(key) ?? []);
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      lab.store.put(key, bytes);

      await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
    });

    it(`writes nothing when the stored bytes end early (compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();
      const key = lab.store.keys.find((each) => each.includes("/snapshots/")) ?? "";
      lab.store.put(key, (lab.store.peek(key) ?? new Uint8Array()).subarray(0, -100));

      await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
    });
  }
});

describe("fetchSnapshot() of raw bytes, and of wrong sizes", () => {
  const keyIn = (lab: BackupLab): string => lab.store.keys.find((each) => each.includes("/snapshots/")) ?? "";

  /** Stores other bytes under a manifest that fits them in all but what they expand to. */
  async function forge(lab: BackupLab, stored: Uint8Array): Promise<string> {
    const manifest = await lab.manifest();
    const storedSha256 = createHash("sha256").update(stored).digest("hex");
    const key = lab.store.keys.find((each) => each.includes("/manifests/")) ?? "";
    lab.store.put(key, encodeManifest({ ...manifest, storedSize: stored.length, storedSha256 }));
    lab.store.put(keyIn(lab), stored);
    return manifest.name;
  }

  async function progressOf(
    lab: BackupLab,
    { name, raw = false }: { name: string; raw?: boolean },
  ): Promise<number[][]> {
    const told: number[][] = [];
    const into = new MemoryStore({ clock: lab.clock, id: "files" });
    const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);
    const onProgress = (...numbers: number[]): void => void told.push(numbers);
    await fetchSnapshot(snapshot, { into, file: "f", raw, onProgress }, lab.never).catch((error) => {
      told.push([-1]);
      assert.ok(error instanceof BackupError && error.code === "SNAPSHOT_CORRUPT", `${error}`);
      assert.match(error.message, /more than the \d+ bytes/);
      assert.ok(error.hint);
      assert.deepEqual(into.keys, []);
    });
    return told;
  }

  for (const [algorithm, compress] of [
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ] as const) {
    it(`stops a ${algorithm} stream that expands beyond the manifest's size before it is written`, async () => {
      const lab = new BackupLab({ compression: { algorithm, level: 3 } });
      const name = await forge(lab, compress(Buffer.alloc(64 * 2 ** 20)));

      const told = await progressOf(lab, { name });

      assert.deepEqual(told.at(-1), [-1]);
      assert.ok((told.at(-2)?.[0] ?? 0) <= lab.source.snapshot().length);
    });

    it(`refuses bytes behind the end of a ${algorithm} stream`, async () => {
      const lab = new BackupLab({ compression: { algorithm, level: 3 } });
      const whole = compress(lab.source.snapshot());
      const name = await forge(lab, Buffer.concat([whole, Buffer.alloc(300_000, 1)]));

      await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
    });
  }

  it("does not read an object to its end that is longer than the manifest says", async () => {
    const lab = new BackupLab();
    const { name } = await lab.manifest();
    lab.store.put(keyIn(lab), Buffer.alloc(lab.source.snapshot().length + 1));

    for (const raw of [false, true]) assert.deepEqual((await progressOf(lab, { name, raw })).at(-1), [-1]);
  });

  it("names both sizes of an object that is shorter, with a hint", async () => {
    const lab = new BackupLab();
    const { name, storedSize } = await lab.manifest();
    lab.store.put(keyIn(lab), lab.source.snapshot().subarray(0, -1));

    await assert.rejects(fetchInto(lab, name), {
      code: "SNAPSHOT_CORRUPT",
      message: new RegExp(`it has ${storedSize - 1} bytes, the manifest says ${storedSize}`),
      hint: /etcd-ark list/,
    });
  });

  it("does not give back what is not etcd's although it is what was stored", async () => {
    const lab = new BackupLab();
    const bytes = lab.source.snapshot();
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    const name = await forge(lab, bytes);

    await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
  });

  it("leaves raw bytes as they are stored, told against their own size", async () => {
    const lab = new BackupLab({ compression: { algorithm: "zstd", level: 3 } });
    const { name, storedSize } = await lab.manifest();
    const into = new MemoryStore({ clock: lab.clock, id: "files" });
    const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);
    await fetchSnapshot(snapshot, { into, file: "f", raw: true }, lab.never);

    assert.deepEqual(into.peek("f"), lab.store.peek(keyIn(lab)));
    assert.deepEqual((await progressOf(lab, { name, raw: true })).at(-1), [storedSize, storedSize]);
  });

  it("writes no raw bytes of which one has changed", async () => {
    const lab = new BackupLab({ compression: { algorithm: "zstd", level: 3 } });
    const { name } = await lab.manifest();
    const bytes = Buffer.from(lab.store.peek(keyIn(lab)) ?? []);
    bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0);
    lab.store.put(keyIn(lab), bytes);
    const into = new MemoryStore({ clock: lab.clock, id: "files" });
    const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);

    const fetching = fetchSnapshot(snapshot, { into, file: "f", raw: true }, lab.never);

    await assert.rejects(fetching, hasCode("SNAPSHOT_CORRUPT"));
    assert.deepEqual(into.keys, []);
  });

  it("gives chunks back to the store only once the writer needs them no more", async () => {
    const lab = new BackupLab();
    const { name } = await lab.manifest();
    const into = new MemoryStore({ clock: lab.clock, id: "files" });
    const open = into.open.bind(into);
    let doneWith = 0;
    into.open = async (...args) => {
      const writer = await open(...args);
      return Object.defineProperty(writer, "doneWith", { get: () => doneWith });
    };
    const chunks = [lab.source.snapshot().subarray(0, 5000), lab.source.snapshot().subarray(5000)];
    const returned: number[] = [];
    const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);
    const read = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) {
        yield chunk;
        assert.deepEqual(returned, [], "nothing is written yet");
      }
      doneWith = 5001;
      yield new Uint8Array(0);
    };
    const store: ObjectStore = Object.assign(Object.create(lab.store), {
      read,
      recycle: (chunk: Uint8Array) => returned.push(chunk.length),
    });
    await fetchSnapshot({ ...snapshot, store }, { into, file: "f" }, lab.never);

    assert.deepEqual(returned, [5000], "the second is not written whole");
  });
});

describe("findSnapshot()", () => {
  it("takes the next store when one does not answer", async () => {
    const lab = new BackupLab({ stores: 2 });
    const { name } = await lab.manifest();
    lab.stores[0]?.fail({ method: "get", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"), times: 9 });

    assert.equal((await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never)).store, lab.stores[1]);
  });

  it("says that there is none only when every store has said so", async () => {
    const lab = new BackupLab({ stores: 2 });
    await assert.rejects(
      findSnapshot(lab.stores, { cluster: CLUSTER, name: "no" }, lab.never),
      hasCode("SNAPSHOT_NOT_FOUND"),
    );

    lab.stores[1]?.fail({ method: "get", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach") });
    await assert.rejects(
      findSnapshot(lab.stores, { cluster: CLUSTER, name: "no" }, lab.never),
      hasCode("STORE_UNAVAILABLE"),
    );
  });
});
