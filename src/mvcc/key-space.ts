import { rowsOf } from "../bolt/check-database.ts";
import type { Slice } from "../bolt/page-check.ts";
import { bodyStart, type PageRun } from "../bolt/page-run.ts";
import type { Findings } from "../model/finding.ts";
import { combineCrc32c, crc32c } from "./crc32c.ts";
import { checkOrder, checkRow, type Row } from "./history.ts";
import { KeyTable } from "./key-table.ts";
import { KeyValueReader } from "./key-value.ts";
import { type RevisionKey, readRevisionKey } from "./revision-key.ts";
import { SpaceHash } from "./space-hash.ts";

/** Which HashKV is wanted, and what the database's own compaction is. */
export interface KeySpaceOptions {
  /** Rows above it do not count; infinite for all. */
  readonly revision: number;
  /** The compaction that HashKV goes by, as the server's answer tells it; -1 for none. */
  readonly compactRevision: number;
  /** The compaction of the file: what is missing at or below it was taken away on purpose. */
  readonly ownCompactRevision: number;
  readonly findings: Findings;
}

/** Where a row stands. */
interface Place {
  readonly main: number;
  /** Its key's, unless the row cannot be read. */
  readonly slot: number | undefined;
  readonly isTombstone: boolean;
}

/** Reads the leaves of bucket `key` in order: checks each key's history, and hashes the rows. */
export class KeySpace {
  readonly #options: KeySpaceOptions;
  readonly #table = new KeyTable();
  readonly #hash = new SpaceHash();
  readonly #value = new KeyValueReader();
  #last: RevisionKey | undefined;
  #liveAtRevision = 0;
  /** Whether there is a row that only holds a revision: etcd takes it for one of the empty key. */
  #hasPlaceholder = false;

  constructor(options: KeySpaceOptions) {
    this.#options = options;
  }

  /** Of the last row; 0 when there are none. */
  get lastMain(): number {
    return this.#last?.main ?? 0;
  }

  /** Keys that are not deleted at the end, as a range over all of them counts: no key is empty. */
  get liveKeys(): number {
    return this.#table.live - (this.#hasPlaceholder ? 1 : 0);
  }

  /** HashKV, once all leaves were read. */
  hashKv(): number {
    return this.#hash.finish(this.#liveAtRevision > 0);
  }

  /** Takes the next leaf, and returns the checksum of its rows. */
  read(leaf: PageRun): number {
    const { compactRevision, revision } = this.#options;
    let sum = 0;
    let compactedEnd = bodyStart(leaf);
    let [wantedEnd, end] = [compactedEnd, compactedEnd];
    for (const { key, value } of rowsOf(leaf)) {
      const at = this.#take(key, value);
      end = value.end;
      if (at.main <= revision) wantedEnd = end;
      if (at.main > compactRevision) continue;
      const rowSum = crc32c(0, { bytes: key.bytes, start: key.start, end });
      this.#addCompacted(at, rowSum, end - key.start);
      sum = combineCrc32c(sum, rowSum, end - key.start);
      compactedEnd = end;
    }
    const newer = crc32c(0, { bytes: leaf.bytes, start: compactedEnd, end: wantedEnd });
    this.#hash.addNewer(newer, wantedEnd - compactedEnd);
    sum = combineCrc32c(sum, newer, wantedEnd - compactedEnd);
    return crc32c(sum, { bytes: leaf.bytes, start: wantedEnd, end });
  }

  /** Checks a row against those before it, and carries its key's history on. */
  #take(key: Slice, value: Slice): Place {
    const revision = readRevisionKey(key);
    if (revision === undefined) {
      this.#report(this.lastMain, "a row behind it has no revision");
      return { main: this.lastMain, slot: undefined, isTombstone: false };
    }
    const { main, isTombstone } = revision;
    this.#report(main, checkOrder(revision, this.#last, this.#options.ownCompactRevision));
    this.#last = revision;
    if (!this.#value.read(value.bytes, value.start, value.end)) {
      this.#report(main, "its value is no KeyValue");
      return { main, slot: undefined, isTombstone };
    }
    const slot = this.#table.slotOf(value.bytes, this.#value.keyStart, this.#value.keyEnd);
    this.#check({ main, isTombstone, ...rowOf(this.#value) }, { slot, isEmpty: value.end === value.start });
    this.#carryOn(revision, slot);
    return { main, slot, isTombstone };
  }

  /** `--bump-revision` leaves a row without a value to hold the revision, and a compaction there (etcdutl `v3_snapshot.go`). */
  #check(row: Row, { slot, isEmpty }: { readonly slot: number; readonly isEmpty: boolean }): void {
    const { ownCompactRevision } = this.#options;
    if (isEmpty) this.#hasPlaceholder = true;
    if (isEmpty && row.main <= ownCompactRevision) return;
    const before = this.#table.isKnown(slot) ? this.#table.get(slot) : undefined;
    this.#report(row.main, checkRow(row, before, ownCompactRevision));
  }

  #carryOn({ main, isTombstone }: RevisionKey, slot: number): void {
    const counts = main <= this.#options.revision;
    if (counts) this.#supersede(slot);
    if (isTombstone) this.#table.delete(slot);
    else this.#table.put(slot, this.#value.version, this.#value.createRevision);
    if (counts) this.#liveAtRevision = this.#table.live;
  }

  #supersede(slot: number): void {
    this.#hash.supersede(this.#table.mark(slot));
    this.#table.setMark(slot, 0);
  }

  /** A tombstone is no key's newest row that is kept; the one at the compaction itself is left out in any case. */
  #addCompacted({ main, slot, isTombstone }: Place, sum: number, length: number): void {
    const mark = this.#hash.addCompacted(sum, length);
    if (isTombstone && main === this.#options.compactRevision) this.#hash.leaveOut(mark);
    else if (isTombstone || slot === undefined) this.#hash.supersede(mark);
    else this.#table.setMark(slot, mark);
  }

  #report(main: number, wrong: string | undefined): void {
    if (wrong !== undefined) this.#options.findings.add("ROWS", `row of revision ${main}: ${wrong}`);
  }
}

function rowOf({ keyStart, keyEnd, createRevision, modRevision, version }: KeyValueReader) {
  return { keySize: keyEnd - keyStart, createRevision, modRevision, version };
}
