import fc from "fast-check";
import type { Random } from "../../test/support/random.ts";
import { metaPage } from "../../test/unit/bolt/bolt-file.ts";
import type { Mutation } from "./mutation.ts";

const PAGE = 4096;

/** A page whose header and elements are plausible, or not. */
const page = fc
  .record({
    flags: fc.constantFrom(1, 1, 2, 2, 2, 0x10, 4, 0),
    count: fc.oneof({ arbitrary: fc.nat(5), weight: 4 }, { arbitrary: fc.nat(0xffff), weight: 1 }),
    overflow: fc.oneof({ arbitrary: fc.constant(0), weight: 5 }, { arbitrary: fc.nat(3), weight: 2 }, fc.nat()),
    words: fc.array(fc.oneof(fc.nat(64), fc.nat(0xffffff)), { maxLength: 24 }),
    tail: fc.uint8Array({ maxLength: 200 }),
  })
  .map(({ flags, count, overflow, words, tail }) => {
    const bytes = Buffer.alloc(PAGE);
    bytes.writeUInt16LE(flags, 8);
    bytes.writeUInt16LE(count, 10);
    bytes.writeUInt32LE(overflow, 12);
    for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, 16 + index * 4);
    bytes.set(tail, 16 + words.length * 4);
    return bytes;
  });

const file = fc.oneof(
  fc.uint8Array({ maxLength: 3 * PAGE }).map((bytes) => Buffer.from(bytes)),
  fc.array(page, { minLength: 1, maxLength: 12 }).map((pages) => {
    for (const [index, bytes] of pages.entries()) bytes.writeBigUInt64LE(BigInt(index + 2));
    const meta = { root: 2, pageCount: pages.length + 2, transaction: 1n };
    return Buffer.concat([metaPage(PAGE, meta), metaPage(PAGE, { ...meta, number: 1, transaction: 0n }), ...pages]);
  }),
);

/** A file that no server has had a hand in: noise, or pages of noise behind valid meta pages. */
export function garbage(random: Random): Mutation {
  const [bytes = Buffer.alloc(0)] = fc.sample(file, { numRuns: 1, seed: random.int(0, 2 ** 31 - 1) });
  return { kind: "made of noise", bytes };
}
