import { rowsOf } from "../bolt/check-database.ts";
import type { Slice } from "../bolt/page-check.ts";
import { bodyStart, type PageRun } from "../bolt/page-run.ts";
import type { Findings } from "../model/finding.ts";
import { combineCrc32c, crc32c } from "./crc32c.ts";
import { checkRow, type Row } from "./history.ts";
import { KeyTable } from "./key-table.ts";
import { KeyValueReader } from "./key-value.ts";
import { readRevisionKey } from "./revision-key.ts";
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
  #lastMain = 0;
  #liveAtRevision = 0;
  /** Whether there is a row that only holds a revision: etcd takes it for one of the empty key. */
  #hasPlaceholder = false;

  constructor(options: KeySpaceOptions) {
    this.#options = options;
  }

  /** Of the last row; 0 when there are none. */
  get lastMain(): number {
    return this.#lastMain;
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

  /** Checks a row against its key's history, and carries that on. */
  #take(key: Slice, value: Slice): Place {
    const revision = readRevisionKey(key);
    const reader = this.#value;
    if (revision === undefined || !reader.read(value.bytes, value.start, value.end)) {
      this.#report(
        this.#lastMain,
        revision === undefined ? "a row behind it has no revision" : "its value is no KeyValue",
      );
      return { main: revision?.main ?? this.#lastMain, slot: undefined, isTombstone: false };
    }
    const { main, isTombstone } = revision;
    this.#lastMain = main;
    const slot = this.#table.slotOf(value.bytes, reader.keyStart, reader.keyEnd);
    // `--bump-revision` leaves a row without a value, to hold the revision (etcdutl `snapshot/v3_snapshot.go`).
    if (value.end > value.start) this.#check({ main, isTombstone, ...rowOf(reader) }, slot);
    else this.#hasPlaceholder = true;
    if (main <= this.#options.revision) this.#supersede(slot);
    if (isTombstone) this.#table.delete(slot);
    else this.#table.put(slot, reader.version, reader.createRevision);
    if (main <= this.#options.revision) this.#liveAtRevision = this.#table.live;
    return { main, slot, isTombstone };
  }

  #check(row: Row, slot: number): void {
    const before = this.#table.isKnown(slot) ? this.#table.get(slot) : undefined;
    const wrong = checkRow(row, before, this.#options.ownCompactRevision);
    if (wrong !== undefined) this.#report(row.main, wrong);
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

  #report(main: number, why: string): void {
    this.#options.findings.add("ROWS", `row of revision ${main}: ${why}`);
  }
}

function rowOf({ createRevision, modRevision, version }: KeyValueReader) {
  return { createRevision, modRevision, version };
}
