import type { ObjectKey } from "../model/layout.ts";
import type { Canary, ConditionOutcome, Leftover, LockOutcome } from "../ports/bucket-probe.ts";
import type { Bucket } from "./bucket.ts";
import { lockOutcomeOf, refusesWrongChecksum, tryAbort, uploadInParts } from "./canary-uploads.ts";
import { cleanUp } from "./cleanup.ts";
import { putIf } from "./conditional-put.ts";
import { headObject, isVersion } from "./head.ts";
import { listObjects } from "./listing.ts";
import { getObject, readObject } from "./reading.ts";
import { deleteVersion, removeBelow, type Version } from "./removal.ts";
import { replaceObject } from "./small-objects.ts";

/** Longer than the lock of some seconds that parts are tried with. */
const REMOVAL_MS = 20_000;
/** A request that was broken off may still be carried out. */
const AFTERMATH_MS = 300;

const FIRST = Buffer.from("canary of etcd-ark doctor\n");
const SECOND = Buffer.from("canary of etcd-ark doctor, another\n");

/** A canary below `prefix` in the bucket. */
export class S3Canary implements Canary {
  readonly #bucket: Bucket;
  readonly #prefix: ObjectKey;
  readonly #markers: Version[] = [];
  #isWritten = false;

  constructor(bucket: Bucket, prefix: ObjectKey) {
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async mayDelete(signal: AbortSignal): Promise<void> {
    await this.#requireDeletion({ key: this.#key("none"), versionId: undefined }, signal);
  }

  async mayDeleteVersion(signal: AbortSignal): Promise<void> {
    await this.#requireDeletion({ key: this.#key("none"), versionId: "null" }, signal);
  }

  async put(signal: AbortSignal): Promise<{ readonly isVersion: boolean }> {
    const { versionId } = await replaceObject(this.#bucket, this.#write("object", FIRST), signal);
    return { isVersion: isVersion(versionId) };
  }

  async get(signal: AbortSignal): Promise<boolean> {
    const read = await getObject(this.#bucket, this.#key("object"), signal);
    return read !== undefined && FIRST.equals(read);
  }

  async getRange(signal: AbortSignal): Promise<boolean> {
    const range = { start: 7, end: 9 };
    const read = await Array.fromAsync(readObject(this.#bucket, { key: this.#key("object"), range }, signal));
    return FIRST.subarray(range.start, range.end + 1).equals(Buffer.concat(read));
  }

  async isListed(signal: AbortSignal): Promise<boolean> {
    const listed = await Array.fromAsync(listObjects(this.#bucket, this.#prefix, signal));
    return listed.some(({ key, size }) => key === this.#key("object") && size === FIRST.length);
  }

  async delete(signal: AbortSignal): Promise<boolean> {
    const key = this.#key("object");
    const reply = await deleteVersion(this.#bucket, { key, versionId: undefined }, signal);
    if ("refused" in reply) throw reply.error;
    // No HEAD shows a delete marker, which may be what it is hidden by.
    if (isVersion(reply.output?.VersionId)) this.#markers.push({ key, versionId: reply.output.VersionId });
    return (await headObject(this.#bucket, { key }, signal)) === undefined;
  }

  async multipart(signal: AbortSignal): Promise<void> {
    await uploadInParts(this.#bucket, this.#write("parts", FIRST), signal);
  }

  async abort(signal: AbortSignal): Promise<boolean> {
    const { key } = this.#write("unfinished", FIRST);
    return await tryAbort(this.#bucket, { key, prefix: this.#prefix }, signal);
  }

  async refusesWrongChecksum(signal: AbortSignal): Promise<boolean> {
    return await refusesWrongChecksum(this.#bucket, this.#write("unfinished", FIRST).key, signal);
  }

  async createTwice(signal: AbortSignal): Promise<ConditionOutcome> {
    const condition = { IfNoneMatch: "*" } as const;
    const first = await putIf(this.#bucket, { ...this.#write("created", FIRST), condition }, signal);
    if (first !== "written") return "unusable";
    const second = await putIf(this.#bucket, { ...this.#write("created", SECOND), condition }, signal);
    return second === "written" ? "ignored" : "held";
  }

  async swapStale(signal: AbortSignal): Promise<ConditionOutcome> {
    const { etag = "" } = await replaceObject(this.#bucket, this.#write("swapped", FIRST), signal);
    const condition = { IfMatch: etag };
    const right = await putIf(this.#bucket, { ...this.#write("swapped", SECOND), condition }, signal);
    if (right !== "written") return "unusable";
    const stale = await putIf(this.#bucket, { ...this.#write("swapped", FIRST), condition }, signal);
    return stale === "written" ? "ignored" : "held";
  }

  async lockMultipart(signal: AbortSignal): Promise<LockOutcome> {
    return await lockOutcomeOf(this.#bucket, this.#write("locked", FIRST), signal);
  }

  async remove(signal: AbortSignal): Promise<readonly Leftover[]> {
    if (!this.#isWritten) return [];
    const keys = ["object", "parts", "unfinished", "created", "swapped", "locked"].map((name) => this.#key(name));
    const left = await removeBelow(this.#bucket, { prefix: this.#prefix, keys, markers: this.#markers }, signal);
    this.#isWritten = false;
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isWritten) return;
    const { clock } = this.#bucket.options;
    const work = async (signal: AbortSignal): Promise<void> => {
      await clock.sleep(AFTERMATH_MS, signal);
      await this.remove(signal);
    };
    await cleanUp(clock, work, REMOVAL_MS);
  }

  #key(name: string): ObjectKey {
    return this.#prefix + name;
  }

  /** Whatever is to be written is noted before, since an answer may get lost. */
  #write(name: string, body: Buffer): { readonly key: ObjectKey; readonly body: Buffer } {
    this.#isWritten = true;
    return { key: this.#key(name), body };
  }

  async #requireDeletion(
    version: { key: ObjectKey; versionId: string | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const reply = await deleteVersion(this.#bucket, version, signal);
    if ("refused" in reply) throw reply.error;
  }
}
