import type { Slice } from "../bolt/page-check.ts";

/**
 * CRC-32C (Castagnoli), the hash of `snapshot status` and HashKV (etcd takes Go's hash/crc32 with that table). The
 * polynomial is written with its lowest coefficient in the highest bit.
 */
const POLYNOMIAL = 0x82f63b78;
/** Sixteen bytes at a time ("slicing by 16", Kounavis and Berry, 2005): one table for each byte's distance. */
const SLICES = 16;
const TABLE = makeTable();
const ONE = 0x80000000;
/** Powers that were computed; 0 where none was. */
const POWERS = new Uint32Array(2 ** 14);

/** The checksum of what `crc` is that of (0 for nothing) and of the bytes behind it. */
export function crc32c(crc: number, { bytes, start, end }: Slice): number {
  let state = ~crc;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const word = state ^ readWord(bytes, at);
    // Written out: as a loop it takes twice as long.
    state =
      entry(15, word & 0xff) ^
      entry(14, (word >>> 8) & 0xff) ^
      entry(13, (word >>> 16) & 0xff) ^
      entry(12, word >>> 24) ^
      entry(11, byteAt(bytes, at + 4)) ^
      entry(10, byteAt(bytes, at + 5)) ^
      entry(9, byteAt(bytes, at + 6)) ^
      entry(8, byteAt(bytes, at + 7)) ^
      entry(7, byteAt(bytes, at + 8)) ^
      entry(6, byteAt(bytes, at + 9)) ^
      entry(5, byteAt(bytes, at + 10)) ^
      entry(4, byteAt(bytes, at + 11)) ^
      entry(3, byteAt(bytes, at + 12)) ^
      entry(2, byteAt(bytes, at + 13)) ^
      entry(1, byteAt(bytes, at + 14)) ^
      entry(0, byteAt(bytes, at + 15));
  }
  for (; at < end; at++) state = (state >>> 8) ^ entry(0, (state ^ byteAt(bytes, at)) & 0xff);
  return ~state >>> 0;
}

/** The checksum of two runs of bytes, one behind the other, from theirs: `length` is that of the second one. */
export function combineCrc32c(first: number, second: number, length: number): number {
  return (multiply(powerOf(length), first) ^ second) >>> 0;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24)
  );
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function entry(distance: number, byte: number): number {
  return TABLE[distance * 256 + byte] ?? 0;
}

/** x to the power of `8 * length`, modulo the polynomial. Rows and pages have few lengths, again and again. */
function powerOf(length: number): number {
  if (length >= POWERS.length) return computePower(length);
  const known = POWERS[length];
  if (known) return known;
  const power = computePower(length);
  POWERS[length] = power;
  return power;
}

function computePower(length: number): number {
  let power = ONE;
  let square = 0x00800000;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

/** Product of two polynomials, modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let mask = ONE; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product;
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
    table[byte] = value;
  }
  for (let index = 256; index < table.length; index++) {
    const before = table[index - 256] ?? 0;
    table[index] = (before >>> 8) ^ (table[before & 0xff] ?? 0);
  }
  return table;
}
