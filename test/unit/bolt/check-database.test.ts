import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findingsOf, inspected } from "../mvcc/inspected.ts";
import { memorySource, sparseSource } from "../mvcc/memory-source.ts";
import { ModelStore } from "../mvcc/model-store.ts";
import { BoltPages, branch, bucket, leaf, metaPage, pageBody, revisionKey } from "./bolt-file.ts";

const PAGE = 4096;

/** A file with a branch above some leaves in bucket `key`. */
function twoLevels(pageSize = PAGE): Buffer {
  const store = new ModelStore();
  for (let index = 0; index < (300 * pageSize) / PAGE; index++) store.commit([{ put: `key ${index % 50}`, size: 20 }]);
  return store.file(pageSize);
}

/** The number of the first page with these flags. */
function pageOf(file: Buffer, flags: number): number {
  for (let page = 2; page * PAGE < file.length; page++) if (file.readUInt16LE(page * PAGE + 8) === flags) return page;
  return assert.fail("no such page");
}

/** The fields of a page of the file. */
function fieldsOf(file: Buffer, number: number) {
  const at = number * PAGE;
  return {
    setId: (id: number) => file.writeBigUInt64LE(BigInt(id), at),
    setFlags: (flags: number) => file.writeUInt16LE(flags, at + 8),
    count: () => file.readUInt16LE(at + 10),
    setCount: (count: number) => file.writeUInt16LE(count, at + 10),
    setOverflow: (overflow: number) => file.writeUInt32LE(overflow, at + 12),
    /** One of the four words of an element. */
    setWord: (element: number, word: number, value: number) =>
      file.writeUInt32LE(value, at + 16 + element * 16 + word * 4),
    child: (element: number) => Number(file.readBigUInt64LE(at + 16 + element * 16 + 8)),
    setChild: (element: number, child: number | bigint) =>
      file.writeBigUInt64LE(BigInt(child), at + 16 + element * 16 + 8),
    /** The byte at `offset` of an element's key. */
    keyAt: (element: number, offset: number) => {
      const start = at + 16 + element * 16;
      const isBranch = file.readUInt16LE(at + 8) === 1;
      return start + file.readUInt32LE(start + (isBranch ? 0 : 4)) + offset;
    },
  };
}

type Fields = ReturnType<typeof fieldsOf>;

interface Damage {
  readonly what: string;
  readonly finding: RegExp;
  readonly damage: (pages: { branch: Fields; leaf: Fields; second: Fields; file: Buffer; number: number }) => void;
}

const damages: readonly Damage[] = [
  { what: "a circle", finding: /reached twice/, damage: ({ branch, number }) => branch.setChild(1, number) },
  {
    what: "a page with two parents",
    finding: /reached twice/,
    damage: ({ branch }) => branch.setChild(1, branch.child(0)),
  },
  {
    what: "a child in the meta pages",
    finding: /page 1 is reached twice/,
    damage: ({ branch }) => branch.setChild(1, 1),
  },
  { what: "a child beyond the end", finding: /beyond the last one/, damage: ({ branch }) => branch.setChild(1, 9999) },
  {
    what: "a gigantic child",
    finding: /beyond the last one/,
    damage: ({ branch }) => branch.setChild(1, 2n ** 64n - 2n),
  },
  { what: "a wrong number", finding: /it says that it is page 77/, damage: ({ leaf }) => leaf.setId(77) },
  { what: "no type", finding: /it is of type 0/, damage: ({ leaf }) => leaf.setFlags(0) },
  { what: "two types", finding: /it is of type 3/, damage: ({ leaf }) => leaf.setFlags(3) },
  { what: "the type of a freelist", finding: /it is of type 16/, damage: ({ leaf }) => leaf.setFlags(16) },
  { what: "a gigantic overflow", finding: /beyond the last one/, damage: ({ leaf }) => leaf.setOverflow(0xffffffff) },
  { what: "overflow into another page", finding: /reached twice/, damage: ({ leaf }) => leaf.setOverflow(1) },
  { what: "a gigantic count of a leaf", finding: /cannot hold 65535/, damage: ({ leaf }) => leaf.setCount(65_535) },
  {
    what: "a gigantic count of a branch",
    finding: /cannot hold 65535/,
    damage: ({ branch }) => branch.setCount(65_535),
  },
  { what: "a branch without children", finding: /without children/, damage: ({ branch }) => branch.setCount(0) },
  { what: "one element less", finding: /element 0 is misplaced/, damage: ({ leaf }) => leaf.setCount(3) },
  {
    what: "a row with the flag of a bucket",
    finding: /element 2 has flags 1/,
    damage: ({ leaf }) => leaf.setWord(2, 0, 1),
  },
  { what: "a moved row", finding: /element 2 is misplaced/, damage: ({ leaf }) => leaf.setWord(2, 1, 50) },
  { what: "a gigantic key", finding: /element 2 is misplaced/, damage: ({ leaf }) => leaf.setWord(2, 2, 0xffffffff) },
  { what: "a gigantic value", finding: /element 2 is misplaced/, damage: ({ leaf }) => leaf.setWord(2, 3, 0xffffffff) },
  { what: "a moved child", finding: /element 1 is misplaced/, damage: ({ branch }) => branch.setWord(1, 0, 7) },
  {
    what: "a child with a gigantic key",
    finding: /element 1 is misplaced/,
    damage: ({ branch }) => branch.setWord(1, 1, 2 ** 31),
  },
  {
    what: "a key that is not in order",
    finding: /key of element 2 is not in order/,
    damage: ({ leaf, file }) => file.writeUInt8(0, leaf.keyAt(2, 7)),
  },
  {
    what: "a key twice",
    finding: /key of element 2 is not in order/,
    damage: ({ leaf, file }) => file.writeUInt8(file.readUInt8(leaf.keyAt(1, 7)), leaf.keyAt(2, 7)),
  },
  {
    what: "children that are not in order",
    finding: /key of element 2 is not in order/,
    damage: ({ branch, file }) => file.writeUInt16BE(0, branch.keyAt(2, 6)),
  },
  {
    what: "a key below the one that the parent knows the page by",
    finding: /key of element 0 is not in order/,
    damage: ({ second, file }) => file.writeUInt8(0, second.keyAt(0, 7)),
  },
  {
    what: "a key that belongs to the page behind",
    finding: /last key belongs to the page behind it/,
    damage: ({ leaf, file }) => file.writeUInt8(0xff, leaf.keyAt(leaf.count() - 1, 6)),
  },
];

describe("checkDatabase() of damaged trees", () => {
  for (const { what, finding, damage } of damages) {
    it(`reports ${what}`, async () => {
      const file = twoLevels();
      assert.deepEqual(await findingsOf(file), []);
      const number = pageOf(file, 1);
      const branchFields = fieldsOf(file, number);
      const [first, second] = [0, 1].map((index) => fieldsOf(file, branchFields.child(index)));
      assert.ok(first && second);
      damage({ branch: branchFields, leaf: first, second, file, number });
      const findings = await findingsOf(file);
      assert.ok(
        findings.some((text) => text.startsWith("STRUCTURE") && finding.test(text)),
        findings.join("\n"),
      );
    });
  }

  it("reports a wrong number of a page that is read in one go with its overflow", async () => {
    const store = new ModelStore();
    for (let index = 0; index < 20; index++) store.commit([{ put: `${index}`, size: 5000 }]);
    const file = store.file();
    const number = fieldsOf(file, pageOf(file, 1)).child(3);
    fieldsOf(file, number).setId(number + 1);
    const source = { ...memorySource(file), gapBytes: 0 };
    assert.match(
      (await findingsOf(source)).join(),
      new RegExp(`page ${number} .* it says that it is page ${number + 1}`),
    );
  });

  it("reports a tree that is too deep", async () => {
    const pages = new BoltPages({ pageSize: PAGE });
    let page = pages.page(leaf([]));
    for (let level = 0; level < 40; level++) page = pages.page(branch([{ key: revisionKey(2n), page }]));
    const buckets = [{ key: Buffer.from("key"), value: bucket(page), flags: 1 }];
    const findings = await findingsOf(pages.file(pages.page(leaf(buckets))));
    assert.match(findings.join("\n"), /bucket "key" is deeper than 32 levels/);
  });

  it("finds nothing wrong with pages of any size", async () => {
    for (const pageSize of [4096, 8192, 16_384, 32_768, 65_536]) {
      const { findings, revision } = await inspected(twoLevels(pageSize));
      assert.deepEqual(findings, []);
      assert.equal(revision, BigInt((300 * pageSize) / PAGE + 1));
    }
  });
});

describe("checkDatabase() of meta pages", () => {
  for (const number of [0, 1]) {
    it(`reports a wrong header of page ${number}`, async () => {
      const file = twoLevels();
      fieldsOf(file, number).setId(1 - number);
      fieldsOf(file, number).setFlags(2);
      assert.deepEqual(await findingsOf(file), [
        `STRUCTURE meta page ${number}: it says that it is page ${1 - number}`,
        `STRUCTURE meta page ${number}: it is of type 2`,
      ]);
    });
  }
});

describe("checkDatabase() of buckets", () => {
  function rootOf(...items: { key: string; value: Buffer; flags?: number }[]): Buffer {
    const pages = new BoltPages({ pageSize: PAGE });
    const rows = items.map(({ key, value, flags = 1 }) => ({ key: Buffer.from(key, "latin1"), value, flags }));
    return pages.file(pages.page(leaf(rows)));
  }
  function inline(change: (page: Buffer) => void = () => undefined): Buffer {
    const page = leaf([{ key: Buffer.from("k"), value: Buffer.from("v") }]);
    change(page);
    return bucket(0, page);
  }

  for (const { what, file, finding } of [
    {
      what: "a row that is no bucket",
      file: rootOf({ key: "key", value: inline(), flags: 0 }),
      finding: /has flags 0/,
    },
    { what: "a bucket without a root", file: rootOf({ key: "key", value: Buffer.alloc(15) }), finding: /has no root/ },
    {
      what: "an inline bucket without a page",
      file: rootOf({ key: "alarm", value: bucket(0) }),
      finding: /it is cut short/,
    },
    {
      what: "an inline bucket of another type",
      file: rootOf({ key: "alarm", value: inline((page) => page.writeUInt16LE(0, 8)) }),
      finding: /inline bucket "alarm": it is of type 0/,
    },
    {
      what: "an inline bucket with a number",
      file: rootOf({ key: "alarm", value: inline((page) => page.writeUInt8(1, 0)) }),
      finding: /has a number or an overflow/,
    },
    {
      what: "an inline bucket with too many rows",
      file: rootOf({ key: "alarm", value: inline((page) => page.writeUInt16LE(9, 10)) }),
      finding: /cannot hold 9 elements/,
    },
    {
      what: "an inline bucket whose rows are too long",
      file: rootOf({ key: "alarm", value: inline((page) => page.writeUInt32LE(9, 28)) }),
      finding: /inline bucket "alarm": element 0 is misplaced/,
    },
    {
      what: "a name that is no text",
      file: rootOf({ key: "al\xe4rm", value: inline() }),
      finding: /a name that is no text/,
    },
    {
      what: "a root bucket that is too big",
      file: rootOf({ key: "key", value: Buffer.alloc(2 ** 23) }),
      finding: /the root bucket has/,
    },
    { what: "no bucket meta", file: rootOf({ key: "key", value: inline() }), finding: /there is no bucket "meta"/ },
  ]) {
    it(`reports ${what}`, async () => {
      assert.match((await findingsOf(file)).join("\n"), finding);
    });
  }
});

describe("checkDatabase() of free pages", () => {
  /** A leaf, a page that nothing leads to, and a freelist page. */
  function fileWith(list: Buffer | ((free: number) => Buffer)): Buffer {
    const pages = new BoltPages({ pageSize: PAGE });
    const root = pages.page(
      leaf(["key", "meta"].map((name) => ({ key: Buffer.from(name), value: bucket(0, leaf([])), flags: 1 }))),
    );
    const free = pages.page(leaf([]));
    const freelist = pages.page(typeof list === "function" ? list(free) : list);
    return pages.file(root, freelist);
  }
  function freelist(ids: readonly number[], { flags = 0x10, counted = false } = {}): Buffer {
    const body = pageBody(flags, 0).subarray(0, 16);
    body.writeUInt16LE(counted ? 0xffff : ids.length, 10);
    const words = [...(counted ? [ids.length] : []), ...ids].map((id) => {
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(BigInt(id));
      return word;
    });
    return Buffer.concat([body, ...words]);
  }

  it("finds nothing wrong with a list of either form", async () => {
    for (const counted of [false, true]) {
      assert.deepEqual(await findingsOf(fileWith((free) => freelist([free], { counted }))), []);
    }
  });

  it("reads a list of many pages", async () => {
    const pages = new BoltPages({ pageSize: PAGE });
    const root = pages.page(
      leaf(["key", "meta"].map((name) => ({ key: Buffer.from(name), value: bucket(0, leaf([])), flags: 1 }))),
    );
    const free = Array.from({ length: 1500 }, () => pages.page(leaf([])));
    assert.deepEqual(await findingsOf(pages.file(root, pages.page(freelist(free)))), []);
  });

  for (const { what, file, finding } of [
    {
      what: "a page that is in use and free",
      file: fileWith((free) => freelist([2, free])),
      finding: /page 2 is in use/,
    },
    { what: "a page that is free twice", file: fileWith((free) => freelist([free, free])), finding: /reached twice/ },
    {
      what: "a free page beyond the end",
      file: fileWith((free) => freelist([free, 9])),
      finding: /beyond the last one/,
    },
    { what: "a page that is neither", file: fileWith(freelist([])), finding: /page 3 is neither in use nor free/ },
    { what: "a list of another type", file: fileWith(freelist([], { flags: 2 })), finding: /it is of another type/ },
    {
      what: "a list that is longer than its page",
      file: fileWith((free) => {
        const list = freelist([free], { counted: true });
        list.writeUInt32LE(600, 16);
        return list;
      }),
      finding: /longer than its pages/,
    },
    {
      what: "a list with a wrong number",
      file: (() => {
        const wrong = fileWith((free) => freelist([free]));
        wrong.writeUInt8(9, 4 * PAGE);
        return wrong;
      })(),
      finding: /freelist page 4: it says that it is page 9/,
    },
    {
      what: "a list with a gigantic overflow",
      file: (() => {
        const wrong = fileWith((free) => freelist([free]));
        wrong.writeUInt32LE(0xffffffff, 4 * PAGE + 12);
        return wrong;
      })(),
      finding: /beyond the last one/,
    },
    {
      what: "a list in a page that a tree uses",
      file: (() => {
        const wrong = fileWith((free) => freelist([free]));
        metaPage(PAGE, { root: 2, freelist: 2, pageCount: 5, transaction: 9n }).copy(wrong);
        return wrong;
      })(),
      finding: /freelist page 2: page 2 is reached twice/,
    },
  ]) {
    it(`reports ${what}`, async () => {
      assert.match((await findingsOf(file)).join("\n"), finding);
    });
  }
});

describe("checkDatabase() within bounds", () => {
  it("reads a long overflow when its turn comes, and nothing twice but beginnings", async () => {
    const store = new ModelStore();
    for (let index = 0; index < 100; index++) store.commit([{ put: `${index}`, size: 150_000 }]);
    const source = memorySource(store.file());
    assert.deepEqual(await findingsOf(source), []);
    assert.ok(source.reads.largest < 400_000, `${source.reads.largest} at once`);
    assert.ok(source.reads.bytes < 1.2 * source.size, `${source.reads.bytes} of ${source.size}`);
  });

  it("does not read a page of a gigantic length", async () => {
    const pageCount = 2 ** 18;
    const root = leaf([{ key: Buffer.from("key"), value: bucket(3), flags: 1 }]);
    for (const [flags, overflow] of [
      [2, 2 ** 17],
      [1, 2 ** 12],
    ] as const) {
      const head = Buffer.alloc(4 * PAGE);
      metaPage(PAGE, { root: 2, pageCount, transaction: 1n }).copy(head);
      metaPage(PAGE, { number: 1, root: 2, pageCount, transaction: 0n }).copy(head, PAGE);
      root.copy(head, 2 * PAGE);
      fieldsOf(head, 2).setId(2);
      const page = fieldsOf(head, 3);
      page.setId(3);
      page.setFlags(flags);
      page.setCount(1);
      page.setOverflow(overflow);
      const source = sparseSource(head, pageCount * PAGE);
      assert.match((await findingsOf(source)).join("\n"), /page 3 of bucket "key": it is longer than \d+ bytes/);
      assert.ok(source.reads.bytes < 2 ** 20, `${source.reads.bytes}`);
    }
  });

  it("reads no more than thrice the file when every page claims those behind it", async () => {
    const pages = new BoltPages({ pageSize: PAGE });
    const leaves = Array.from({ length: 100 }, (_, index) => ({
      key: revisionKey(BigInt(index)),
      page: pages.page(leaf([])),
    }));
    const key = pages.page(branch(leaves));
    const file = pages.file(pages.page(leaf([{ key: Buffer.from("key"), value: bucket(key), flags: 1 }])));
    for (const { page } of leaves) fieldsOf(file, page).setOverflow(15);
    const source = { ...memorySource(file), gapBytes: 0 };
    assert.match((await findingsOf(source)).join("\n"), /reached twice/);
    assert.ok(source.reads.bytes < 3 * file.length, `${source.reads.bytes} of ${file.length}`);
  });

  it("reads no more than thrice the file when neighbours in the tree are far apart in the file", async () => {
    const pages = new BoltPages({ pageSize: PAGE });
    const numbers = Array.from({ length: 1000 }, () => pages.page(leaf([])));
    const scattered = numbers.map((_, index) => numbers[(index * 17) % 1000] ?? 0);
    const branches = Array.from({ length: 10 }, (_, index) => ({
      key: revisionKey(BigInt(index * 100)),
      page: pages.page(
        branch(
          scattered
            .slice(index * 100, index * 100 + 100)
            .map((page, at) => ({ key: revisionKey(BigInt(index * 100 + at)), page })),
        ),
      ),
    }));
    const key = pages.page(branch(branches));
    const file = pages.file(pages.page(leaf([{ key: Buffer.from("key"), value: bucket(key), flags: 1 }])));
    const source = memorySource(file);
    assert.deepEqual(await findingsOf(source), ['ROWS there is no bucket "meta"']);
    assert.ok(source.reads.bytes < 3 * file.length, `${source.reads.bytes} of ${file.length}`);
  });
});
