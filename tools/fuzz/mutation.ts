import { type Meta, readMeta } from "../../src/bolt/page.ts";
import type { Random } from "../../test/support/random.ts";
import { metaPage } from "../../test/unit/bolt/bolt-file.ts";

/** One way of damaging a file. Changes `bytes`, or returns others. */
type Damage = (bytes: Buffer, random: Random) => Buffer | undefined;

/** A file, and what was done to it. */
export interface Mutation {
  readonly kind: string;
  readonly bytes: Buffer;
}

const PAGE = 4096;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "one bit flipped": (bytes, random) => flip(bytes, random),
  "some bits flipped": (bytes, random) => {
    for (let left = random.int(2, 8); left > 0; left--) flip(bytes, random);
    return undefined;
  },
  "bit flipped in a header or an element": (bytes, random) => {
    const at = pageStart(bytes, random) + random.int(0, 16 * 12 - 1);
    return flipAt(bytes, { at, bit: random.int(0, 7) });
  },
  "cut short": (bytes, random) => bytes.subarray(0, random.int(0, bytes.length - 1)),
  "pages swapped": (bytes, random) => {
    const [first, second] = [pageStart(bytes, random), pageStart(bytes, random)];
    const page = Buffer.from(bytes.subarray(first, first + PAGE));
    bytes.copyWithin(first, second, second + PAGE);
    page.copy(bytes, second);
    return undefined;
  },
  "page copied over another": (bytes, random) => {
    const [from, to] = [pageStart(bytes, random), pageStart(bytes, random)];
    bytes.copyWithin(to, from, from + PAGE);
    // With the number of the page that it was copied over, it may pass for that one.
    if (random.int(0, 1) === 0) bytes.writeBigUInt64LE(BigInt(to / PAGE), to);
    return undefined;
  },
  "page of zeros": (bytes, random) => {
    const at = pageStart(bytes, random);
    bytes.fill(0, at, at + PAGE);
    return undefined;
  },
  "page of noise": (bytes, random) => {
    random.bytes(PAGE).copy(bytes, pageStart(bytes, random));
    return undefined;
  },
  "64 bits of a header replaced": (bytes, random) => {
    const at = pageStart(bytes, random) + 8 * random.int(0, 1);
    return replace(bytes, { at, size: 8, random });
  },
  "64 bits of an element replaced": (bytes, random) => {
    const at = pageStart(bytes, random) + 16 + 8 * random.int(0, 19);
    return replace(bytes, { at, size: 8, random });
  },
  "32 bits of an element replaced": (bytes, random) => {
    const at = pageStart(bytes, random) + 16 + 4 * random.int(0, 39);
    return replace(bytes, { at, size: 4, random });
  },
  "valid meta page that points elsewhere": (bytes, random) => {
    const meta = readMeta(bytes, 0);
    return meta && forgeMeta(bytes, { meta, random });
  },
  "bytes appended": (bytes, random) => Buffer.concat([bytes, random.bytes(random.int(1, 3 * PAGE))]),
};

/** Damages a copy of `original`; a second damage comes on top now and then. */
export function mutate(original: Buffer, random: Random): Mutation {
  const [first = "", ...others] = Object.keys(DAMAGES);
  const kind = random.pick([first, ...others]);
  const bytes = apply(kind, Buffer.from(original), random);
  if (random.int(0, 9) > 0 || bytes.length < PAGE) return { kind, bytes };
  return { kind: "two damages", bytes: apply(random.pick([first, ...others]), bytes, random) };
}

function apply(kind: string, bytes: Buffer, random: Random): Buffer {
  return DAMAGES[kind]?.(bytes, random) ?? bytes;
}

function flip(bytes: Buffer, random: Random): undefined {
  return flipAt(bytes, { at: random.int(0, bytes.length - 1), bit: random.int(0, 7) });
}

function flipAt(bytes: Buffer, { at, bit }: { readonly at: number; readonly bit: number }): undefined {
  if (at < bytes.length) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
}

function pageStart(bytes: Buffer, random: Random): number {
  return PAGE * random.int(0, Math.max(0, Math.floor(bytes.length / PAGE) - 1));
}

interface Place {
  readonly at: number;
  readonly size: 4 | 8;
  readonly random: Random;
}

/** By noise, or by a number that is near some bound. */
function replace(bytes: Buffer, { at, size, random }: Place): undefined {
  if (at + size > bytes.length) return;
  const value = random.bytes(size);
  const pages = Math.floor(bytes.length / PAGE);
  const bounds = [0, 1, 2, 3, pages - 1, pages, pages + 1, 0x7fffffff, 0xffff, PAGE, bytes.length] as const;
  if (random.int(0, 3) > 0) {
    value.fill(0);
    value.writeUInt32LE(random.pick(bounds), 0);
  }
  value.copy(bytes, at);
}

/** The checksum is right, so that the pages behind it are looked at. */
function forgeMeta(bytes: Buffer, { meta, random }: { readonly meta: Meta; readonly random: Random }): undefined {
  const page = (): number => random.int(0, meta.pageCount + 1);
  const forged = {
    root: random.int(0, 1) === 0 ? page() : meta.root,
    freelist: random.int(0, 1) === 0 ? page() : meta.freelist,
    pageCount: random.int(0, 3) === 0 ? random.pick([0, 1, 2, 3, page(), 2 ** 40]) : meta.pageCount,
    transaction: meta.transaction + 9n,
  };
  if (bytes.length >= PAGE) metaPage(meta.pageSize, forged).copy(bytes, 0, 0, PAGE);
}
