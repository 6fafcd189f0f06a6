import { mapLimit } from "../async/map-limit.ts";
import { layout, nameOfRecord, type ObjectKey } from "../model/layout.ts";
import { decodeManifest, type Manifest, storedAt } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";

/** A snapshot as one store holds it. */
export interface CatalogEntry {
  readonly name: SnapshotName;
  readonly manifest: Manifest;
  /** The object is there with the size that the manifest says. */
  readonly good: boolean;
  /** Suspect, and nobody has accepted it yet. */
  readonly suspect: boolean;
}

/** A manifest that does not count: shown, never counted, never pruned. */
export interface UnreadableEntry {
  readonly name: SnapshotName;
  readonly why: string;
}

export interface CatalogListing {
  /** Oldest first by the service's clock. */
  readonly entries: readonly CatalogEntry[];
  readonly unreadable: readonly UnreadableEntry[];
}

const READS_AT_ONCE = 16;
const BACK_FILLED_AFTER_MS = 10 * 60_000;

type Read = { readonly manifest: Manifest } | { readonly why: string };

/**
 * What a store holds of one cluster: two LISTs, and each manifest read once in the catalog's life,
 * since a manifest never changes.
 */
export class Catalog {
  readonly store: ObjectStore;
  readonly cluster: string;
  readonly #read = new Map<ObjectKey, Read>();
  readonly #accepted = new Set<SnapshotName>();

  constructor(store: ObjectStore, cluster: string) {
    this.store = store;
    this.cluster = cluster;
  }

  async list(signal: AbortSignal): Promise<CatalogListing> {
    const records = await this.#list(layout.manifests(this.cluster), signal);
    const objects = await this.#list(layout.snapshots(this.cluster), signal);
    const sizes = new Map(objects.map((object) => [object.key, object.size]));
    const entries: CatalogEntry[] = [];
    const unreadable: UnreadableEntry[] = [];
    const reads = await mapLimit(records, READS_AT_ONCE, (record) => this.#readManifest(record.key, signal));
    for (const [index, read] of reads.entries()) {
      const name = nameOfRecord(records[index]?.key ?? "");
      if (name === undefined || read === undefined) continue;
      if ("why" in read) unreadable.push({ name, why: read.why });
      else entries.push(await this.#entry(read.manifest, sizes, signal));
    }
    return { entries: entries.toSorted((a, b) => storedAt(a.manifest) - storedAt(b.manifest)), unreadable };
  }

  /**
   * The newest readable manifest, as a rule at the cost of one LIST and one GET. A back-filled one is listed
   * later than its snapshot was taken, so the search goes on until one was listed when it was stored.
   */
  async newest(signal: AbortSignal): Promise<Manifest | undefined> {
    const records = await this.#list(layout.manifests(this.cluster), signal);
    let newest: Manifest | undefined;
    for (const record of records.toSorted((a, b) => b.storedAt - a.storedAt)) {
      const read = await this.#readManifest(record.key, signal);
      if (!read || "why" in read) continue;
      if (!newest || storedAt(read.manifest) > storedAt(newest)) newest = read.manifest;
      if (record.storedAt - storedAt(read.manifest) < BACK_FILLED_AFTER_MS) break;
    }
    return newest;
  }

  async #list(prefix: ObjectKey, signal: AbortSignal): Promise<StoredObject[]> {
    return await Array.fromAsync(this.store.list(prefix, signal));
  }

  async #entry(manifest: Manifest, sizes: ReadonlyMap<ObjectKey, number>, signal: AbortSignal): Promise<CatalogEntry> {
    const { name } = manifest;
    const size = sizes.get(layout.snapshot(this.cluster, name, manifest.encoding));
    const suspect = manifest.suspect.length > 0 && !(await this.#isAccepted(name, signal));
    return { name, manifest, good: size === manifest.storedSize, suspect };
  }

  async #isAccepted(name: SnapshotName, signal: AbortSignal): Promise<boolean> {
    if (this.#accepted.has(name)) return true;
    const body = await this.store.get(layout.accepted(this.cluster, name), signal);
    if (body) this.#accepted.add(name);
    return body !== undefined;
  }

  async #readManifest(key: ObjectKey, signal: AbortSignal): Promise<Read | undefined> {
    const known = this.#read.get(key);
    if (known) return known;
    const body = await this.store.get(key, signal);
    // Deleted by another node since the LIST.
    if (!body) return undefined;
    const read = interpret(body, key);
    this.#read.set(key, read);
    return read;
  }
}

function interpret(body: Uint8Array, key: ObjectKey): Read {
  const decoded = decodeManifest(body);
  switch (decoded.state) {
    case "readable":
      return decoded.manifest.name === nameOfRecord(key)
        ? { manifest: decoded.manifest }
        : { why: `it speaks of another snapshot, "${decoded.manifest.name}"` };
    case "newer":
      return { why: `a newer etcd-ark wrote it (format ${decoded.minReader})` };
    case "broken":
      return { why: decoded.why };
  }
}
