/** What is known of a key: its newest row so far. */
export interface KeyState {
  readonly isLive: boolean;
  readonly version: number;
  readonly createRevision: number;
}

const FIRST_CAPACITY = 2 ** 12;
/** Beyond this, one slot after another is taken before a free one is found. */
const MAX_LOAD = 0.7;

/**
 * The newest row of each key, by a hash of 64 bits, in 29 bytes a slot. Two keys with one hash, one pair in some 2^64, would
 * look like a broken history; nothing is ever taken for sound because of one.
 */
export class KeyTable {
  #capacity = FIRST_CAPACITY;
  #columns = makeColumns(FIRST_CAPACITY);
  #size = 0;
  #live = 0;

  /** Keys that were seen, deleted ones included. */
  get size(): number {
    return this.#size;
  }

  /** Keys whose newest row is no tombstone. */
  get live(): number {
    return this.#live;
  }

  /** The slot of the key that lies from `start` to `end` of `bytes`; a new key gets one. Good until the next call. */
  slotOf(bytes: Uint8Array, start: number, end: number): number {
    if (this.#size >= this.#capacity * MAX_LOAD) this.#grow();
    let high = 0x811c9dc5;
    let low = end - start;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x5bd1e995);
      low ^= low >>> 15;
    }
    // Zero in both halves marks a free slot.
    return this.#find(high | 0, low | 1);
  }

  /** Whether the key of `slot` had a row before. */
  isKnown(slot: number): boolean {
    return (this.#columns.flags[slot] ?? 0) !== 0;
  }

  get(slot: number): KeyState {
    const { flags, versions, creates } = this.#columns;
    return { isLive: flags[slot] === LIVE, version: versions[slot] ?? 0, createRevision: creates[slot] ?? 0 };
  }

  put(slot: number, version: number, createRevision: number): void {
    const { flags, versions, creates } = this.#columns;
    if (flags[slot] !== LIVE) this.#live++;
    flags[slot] = LIVE;
    versions[slot] = version;
    creates[slot] = createRevision;
  }

  delete(slot: number): void {
    const { flags } = this.#columns;
    if (flags[slot] === LIVE) this.#live--;
    flags[slot] = DELETED;
  }

  /** A number that the caller keeps with the key; 0 at first. */
  mark(slot: number): number {
    return this.#columns.marks[slot] ?? 0;
  }

  setMark(slot: number, mark: number): void {
    this.#columns.marks[slot] = mark;
  }

  #find(high: number, low: number): number {
    const { highs, lows } = this.#columns;
    let slot = (high ^ (low >>> 7)) & (this.#capacity - 1);
    while (lows[slot] !== 0) {
      if (lows[slot] === low && highs[slot] === high) return slot;
      slot = (slot + 1) & (this.#capacity - 1);
    }
    highs[slot] = high;
    lows[slot] = low;
    this.#size++;
    return slot;
  }

  #grow(): void {
    const old = this.#columns;
    this.#capacity *= 2;
    this.#columns = makeColumns(this.#capacity);
    this.#size = 0;
    for (const [index, low] of old.lows.entries()) {
      if (low === 0) continue;
      const slot = this.#find(old.highs[index] ?? 0, low);
      this.#columns.flags[slot] = old.flags[index] ?? 0;
      this.#columns.versions[slot] = old.versions[index] ?? 0;
      this.#columns.creates[slot] = old.creates[index] ?? 0;
      this.#columns.marks[slot] = old.marks[index] ?? 0;
    }
  }
}

const LIVE = 1;
const DELETED = 2;

function makeColumns(capacity: number) {
  return {
    highs: new Int32Array(capacity),
    lows: new Int32Array(capacity),
    flags: new Uint8Array(capacity),
    versions: new Float64Array(capacity),
    creates: new Float64Array(capacity),
    marks: new Uint32Array(capacity),
  };
}
