import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { TestBucket } from "../support/aws.ts";

/**
 * Fails unless what counts in the bucket is true: every manifest has its object, with the size that it names and the
 * bytes of etcd's own digest. Gives the names of the snapshots.
 */
export async function assertNoPhantom(bucket: TestBucket): Promise<string[]> {
  const keys = (await bucket.keys()).filter((key) => key.includes("/manifests/"));
  const names = keys.map(async (key) => {
    const manifest = JSON.parse((await bucket.get(key)).toString());
    const stored = await bucket.get(manifest.key);
    assert.equal(stored.length, manifest.storedSize, `size of ${manifest.key}`);
    const digest = createHash("sha256").update(stored.subarray(0, -32)).digest();
    assert.equal(digest.toString("hex"), manifest.sha256, `digest of ${manifest.key}`);
    assert.ok(stored.subarray(-32).equals(digest), `trailer of ${manifest.key}`);
    return String(manifest.name);
  });
  return await Promise.all(names);
}

/** As `assertNoPhantom`; and there is nothing else either: no object without a manifest, no intent, no open upload. */
export async function assertNothingElse(bucket: TestBucket): Promise<string[]> {
  const names = await assertNoPhantom(bucket);
  const keys = await bucket.keys();
  const bodies = keys.filter((key) => key.includes("/snapshots/")).map((key) => key.slice(key.lastIndexOf("/") + 1));
  assert.deepEqual(bodies.sort(), names.toSorted(), "objects and manifests");
  const others = keys.filter((key) => !/\/(snapshots|manifests)\/[^/]+$|\/(cluster\.json|RUNBOOK\.txt)$/.test(key));
  assert.deepEqual([others, await bucket.uploads()], [[], []], "what killed runs leave");
  return names;
}
