/** What a row of bucket `key` says; the fields are those of the row that was read last. */
export class KeyValueReader {
  keyStart = 0;
  keyEnd = 0;
  createRevision = 0;
  modRevision = 0;
  version = 0;
  lease = 0n;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;
  /** Of the bytes that were passed over last. */
  #length = 0;

  /**
   * Reads an `mvccpb.KeyValue` (etcd `api/mvccpb/kv.proto`) and returns whether it is one, with no other fields. Numbers
   * beyond 2^53 lose precision.
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.keyStart = start;
    this.keyEnd = start;
    this.createRevision = 0;
    this.modRevision = 0;
    this.version = 0;
    this.lease = 0n;
    while (this.#at < end) if (!this.#readField()) return false;
    return true;
  }

  #readField(): boolean {
    const tag = this.#readVarint();
    switch (tag) {
      case 0x0a:
        this.keyEnd = this.#skipBytes();
        this.keyStart = this.keyEnd - this.#length;
        return this.#at <= this.#end;
      case 0x10:
        this.createRevision = this.#readVarint();
        return this.#isWithin(this.createRevision);
      case 0x18:
        this.modRevision = this.#readVarint();
        return this.#isWithin(this.modRevision);
      case 0x20:
        this.version = this.#readVarint();
        return this.#isWithin(this.version);
      case 0x2a:
        this.#skipBytes();
        return this.#at <= this.#end;
      case 0x30:
        this.lease = this.#readBigVarint();
        return this.#at <= this.#end;
      default:
        return false;
    }
  }

  #isWithin(value: number): boolean {
    return this.#at <= this.#end && !Number.isNaN(value);
  }

  #skipBytes(): number {
    this.#length = this.#readVarint();
    this.#at += this.#length;
    return this.#at;
  }

  /** Up to ten bytes, as protobuf has them; NaN for more. */
  #readVarint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  }

  /** A lease is any 64 bits. */
  #readBigVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return BigInt.asIntN(64, value);
  }
}
