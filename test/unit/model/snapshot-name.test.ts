import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkNamePart, checkPrefix, snapshotName } from "../../../src/model/snapshot-name.ts";

describe("snapshotName()", () => {
  it("is prefix, node, moment and four letters", () => {
    const at = Date.UTC(2026, 10, 23, 22, 55, 1, 123);

    assert.equal(
      snapshotName({ prefix: "ark", node: "cp-1", at, random: () => 0 }),
      "ark-cp-1-20261123T225501123Z-aaaa",
    );
  });

  it("can stand in an object key and in a file name, whatever random() gives", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value) => {
        assert.match(snapshotName({ prefix: "ark", node: "n", at: 0, random: () => value }), /-[a-z]{4}$/);
      }),
    );
  });
});

describe("checkPrefix()", () => {
  for (const prefix of ["ark", "ark-manual", "my-etcd-snapshot", "before.zip.1"]) {
    it(`takes "${prefix}"`, () => assert.equal(checkPrefix(prefix), prefix));
  }

  for (const prefix of ["etcd-snapshot", "etcd-snapshot-before", "on-demand-1", "before.zip"]) {
    it(`refuses "${prefix}", which k3s would prune or unpack`, () => {
      assert.throws(() => checkPrefix(prefix), { code: "USAGE", message: /k3s/, hint: /does not begin with/ });
    });
  }

  it("refuses what is no part of a name as a mistake of use", () => {
    assert.throws(() => checkPrefix("a b"), { code: "USAGE", message: /only letters/ });
  });
});

describe("checkNamePart()", () => {
  for (const part of ["", ".", "..", "a/b", "a b", "ä"]) {
    it(`refuses ${JSON.stringify(part)}`, () => {
      assert.throws(() => checkNamePart(part, "node"), { code: "CONFIG_INVALID", message: /^Cannot use node "/ });
    });
  }
});
