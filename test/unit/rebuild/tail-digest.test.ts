import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TailDigest } from "../../../src/rebuild/tail-digest.ts";

describe("TailDigest", () => {
  it("hashes all but the last 32 bytes, in whatever pieces they come", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 9 }), (chunks) => {
        const digest = new TailDigest();
        for (const chunk of chunks) digest.write(chunk);
        const all = Buffer.concat(chunks);
        const body = all.subarray(0, Math.max(0, all.length - 32));

        assert.equal(digest.size, all.length);
        assert.deepEqual(digest.finish(), {
          sha256: createHash("sha256").update(body).digest("hex"),
          trailer: all.subarray(body.length).toString("hex"),
        });
      }),
    );
  });
});
