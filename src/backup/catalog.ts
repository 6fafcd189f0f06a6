import { mapLimit } from "../async/map-limit.ts";
import { isBackupError } from "../errors.ts";
import { type CheckMark, decisiveMark, readCheckKey } from "../model/check-record.ts";
import { type ClusterIdentity, decodeIdentity } from "../model/identity.ts";
import { layout, nameOfRecord, type ObjectKey } from "../model/layout.ts";
import { decodeManifest, type Manifest, storedAt } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { isInFuture } from "../model/time.ts";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";

/** A snapshot as one store holds it. */
export interface CatalogEntry {
  readonly name: SnapshotName;
  readonly manifest: Manifest;
  /** The object is there with the size that the manifest says, and no check has found it corrupt. */
  readonly good: boolean;
  /** What the checks say of it, if there were any. */
  readonly check: CheckMark | undefined;
  /** Suspect, and nobody has accepted it yet. */
  readonly suspect: boolean;
}

/** A manifest that does not count, since it cannot be read or is another cluster's: shown, never counted, never pruned. */
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

/** What the LISTs have shown besides the manifests. */
interface Found {
  readonly sizes: ReadonlyMap<ObjectKey, number>;
  readonly checks: ReadonlyMap<SnapshotName, readonly CheckMark[]>;
  /** All keys below `checks/`. */
  readonly keys: ReadonlySet<ObjectKey>;
}

type Read = { readonly manifest: Manifest } | { readonly why: string };

/**
 * What a store holds of one cluster: the identity, three LISTs, and each manifest read once in the catalog's life,
 * since a manifest never changes.
 */
export class Catalog {
  readonly store: ObjectStore;
  readonly cluster: string;
  readonly #read = new Map<ObjectKey, Read>();

  constructor(store: ObjectStore, cluster: string) {
    this.store = store;
    this.cluster = cluster;
  }

  /** Whose folder this is; `undefined` while no backup has been written to it. Rejects when that cannot be read. */
  async identity(signal: AbortSignal): Promise<ClusterIdentity | undefined> {
    const key = layout.identity(this.cluster);
    const body = await this.store.get(key, signal);
    return body && decodeIdentity(body, this.store.url(key));
  }

  async list(signal: AbortSignal): Promise<CatalogListing> {
    const uuid = await this.#uuid(signal);
    const records = await this.#list(layout.manifests(this.cluster), signal);
    this.#forgetAllBut(records);
    const objects = await this.#list(layout.snapshots(this.cluster), signal);
    const sizes = new Map(objects.map((object) => [object.key, object.size]));
    const checks = await this.#list(layout.allChecks(this.cluster), signal);
    const found: Found = { sizes, checks: marksOf(checks), keys: new Set(checks.map(({ key }) => key)) };
    const entries: CatalogEntry[] = [];
    const unreadable: UnreadableEntry[] = [];
    const reads = await mapLimit(records, READS_AT_ONCE, (record) => this.#readManifest(record.key, signal));
    for (const [index, read] of reads.entries()) {
      const name = nameOfRecord(records[index]?.key ?? "");
      if (name === undefined || read === undefined) continue;
      if ("why" in read) unreadable.push({ name, why: read.why });
      else if (isForeign(read.manifest, uuid)) unreadable.push({ name, why: foreign(read.manifest) });
      else entries.push(this.#entry(read.manifest, found));
    }
    return { entries: entries.toSorted((a, b) => storedAt(a.manifest) - storedAt(b.manifest)), unreadable };
  }

  /**
   * The newest manifest that counts, as a rule at the cost of one LIST and two GETs; of scheduled snapshots alone if asked.
   * A back-filled one is listed later than its snapshot was taken, so the search goes on until one was listed when it was
   * stored. What claims to be of the future is passed over: nothing could ever be newer.
   */
  async newest(signal: AbortSignal, kind?: Manifest["kind"]): Promise<Manifest | undefined> {
    const uuid = await this.#uuid(signal);
    const records = await this.#list(layout.manifests(this.cluster), signal);
    let newest: Manifest | undefined;
    for (const record of records.toSorted((a, b) => b.storedAt - a.storedAt)) {
      const read = await this.#readManifest(record.key, signal);
      if (!read || "why" in read) continue;
      const { manifest } = read;
      if (isForeign(manifest, uuid) || (kind !== undefined && manifest.kind !== kind)) continue;
      if (isInFuture(storedAt(manifest), this.store.now())) continue;
      if (!newest || storedAt(manifest) > storedAt(newest)) newest = manifest;
      if (record.storedAt - storedAt(manifest) < BACK_FILLED_AFTER_MS) break;
    }
    return newest;
  }

  /** One that cannot be read is no reason to show nothing: whoever writes is refused elsewhere. */
  async #uuid(signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await this.identity(signal))?.uuid;
    } catch (error) {
      if (isBackupError(error, "IDENTITY_MISMATCH")) return undefined;
      throw error;
    }
  }

  #forgetAllBut(records: readonly StoredObject[]): void {
    const keys = new Set(records.map(({ key }) => key));
    for (const key of this.#read.keys()) if (!keys.has(key)) this.#read.delete(key);
  }

  async #list(prefix: ObjectKey, signal: AbortSignal): Promise<StoredObject[]> {
    return await Array.fromAsync(this.store.list(prefix, signal));
  }

  #entry(manifest: Manifest, { sizes, checks, keys }: Found): CatalogEntry {
    const { name } = manifest;
    const size = sizes.get(layout.snapshot(this.cluster, name, manifest.encoding));
    const check = decisiveMark(checks.get(name) ?? []);
    const suspect = manifest.suspect.length > 0 && !keys.has(layout.accepted(this.cluster, name));
    return { name, manifest, good: size === manifest.storedSize && check?.passed !== false, check, suspect };
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

function marksOf(objects: readonly StoredObject[]): Map<SnapshotName, CheckMark[]> {
  const marks = new Map<SnapshotName, CheckMark[]>();
  for (const { key } of objects) {
    const read = readCheckKey(key);
    if (read) marks.set(read.name, [...(marks.get(read.name) ?? []), read.mark]);
  }
  return marks;
}

function isForeign({ clusterUuid }: Manifest, uuid: string | undefined): boolean {
  return uuid !== undefined && clusterUuid !== uuid;
}

function foreign({ clusterUuid }: Manifest): string {
  return `it is of another cluster, ${clusterUuid}`;
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
