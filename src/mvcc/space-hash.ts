import { combineCrc32c, crc32c } from "./crc32c.ts";

const FIRST_ROWS = 2 ** 12;
const NAME = new TextEncoder().encode("key");

/**
 * HashKV in one pass. Of the rows up to the compaction only those count that are still a key's newest at the revision
 * (etcd `mvcc/hash.go` unsafeHashByRev), which is known only later: so each one's checksum is kept, 9 bytes a row, and
 * the ones that count are joined at the end.
 */
export class SpaceHash {
  #sums = new Uint32Array(FIRST_ROWS);
  #lengths = new Uint32Array(FIRST_ROWS);
  #dropped = new Uint8Array(FIRST_ROWS);
  #count = 0;
  /** Of all rows above the compaction. */
  #tail = 0;
  #tailLength = 0;

  /** Adds a row up to the compaction, and returns a mark for it, which is not 0. */
  addCompacted(sum: number, length: number): number {
    if (this.#count === this.#sums.length) this.#grow();
    this.#sums[this.#count] = sum;
    this.#lengths[this.#count] = length;
    return ++this.#count;
  }

  /** Tells that the row of `mark`, which was added before, is not its key's newest; 0 is none. */
  supersede(mark: number): void {
    if (mark > 0) this.#dropped[mark - 1] = (this.#dropped[mark - 1] ?? 0) | SUPERSEDED;
  }

  /** Tells that the row of `mark` never counts. */
  leaveOut(mark: number): void {
    this.#dropped[mark - 1] = LEFT_OUT;
  }

  /** Adds rows above the compaction, behind all before. */
  addNewer(sum: number, length: number): void {
    this.#tail = combineCrc32c(this.#tail, sum, length);
    this.#tailLength += length;
  }

  /** The hash. With no live key at the revision, etcd takes all rows that are there. */
  finish(hasLiveKeys: boolean): number {
    const limit = hasLiveKeys ? 0 : SUPERSEDED;
    let hash = crc32c(0, { bytes: NAME, start: 0, end: NAME.length });
    for (let index = 0; index < this.#count; index++) {
      if ((this.#dropped[index] ?? 0) > limit) continue;
      hash = combineCrc32c(hash, this.#sums[index] ?? 0, this.#lengths[index] ?? 0);
    }
    return combineCrc32c(hash, this.#tail, this.#tailLength);
  }

  #grow(): void {
    this.#sums = longer(this.#sums, new Uint32Array(this.#sums.length * 2));
    this.#lengths = longer(this.#lengths, new Uint32Array(this.#lengths.length * 2));
    this.#dropped = longer(this.#dropped, new Uint8Array(this.#dropped.length * 2));
  }
}

const SUPERSEDED = 1;
const LEFT_OUT = 2;

function longer<Column extends Uint32Array | Uint8Array>(old: Column, next: Column): Column {
  next.set(old);
  return next;
}
