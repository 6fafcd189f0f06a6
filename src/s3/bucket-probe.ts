import { isIP } from "node:net";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { withDeadline } from "../async/deadline.ts";
import type { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { BucketProbe, Canary, LockDefault, Versioning } from "../ports/bucket-probe.ts";
import type { CredentialSource } from "../ports/credentials.ts";
import { urlOf } from "./bucket.ts";
import { readDaysToAbort, readLockDefault, readVersioning } from "./bucket-settings.ts";
import { S3Canary } from "./canary.ts";
import { createWire } from "./client.ts";
import { closeWire, type OpenBucket, openBucket } from "./open-bucket.ts";
import type { S3StoreOptions } from "./options.ts";
import { Requests } from "./requests.ts";

/** Somebody waits at a terminal: a silence is long here that would be short in an upload. */
const STALL_MS = 8_000;
/** The other addressing is a curiosity. */
const OTHERWISE_MS = 4_000;

/** A probe of the store's bucket. Rejects with `CONFIG_INVALID` as `createS3Store` does. */
export function createBucketProbe(options: S3StoreOptions): BucketProbe {
  const warnings: string[] = [];
  const config = { ...options.config, stallTimeout: Math.min(options.config.stallTimeout, STALL_MS) };
  const warn: S3StoreOptions["warn"] = (message, fields) => {
    warnings.push([message, ...Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`)].join(", "));
  };
  return new S3Probe(openBucket({ ...options, config, warn }), warnings);
}

class S3Probe implements BucketProbe {
  readonly #open: OpenBucket;
  readonly #warnings: readonly string[];

  constructor(open: OpenBucket, warnings: readonly string[]) {
    this.#open = open;
    this.#warnings = warnings;
  }

  get url(): string {
    return urlOf(this.#open.bucket, "");
  }

  get endpoint(): string {
    return this.#open.endpoint.url?.replace(/\/$/, "") ?? "AWS";
  }

  get addressing(): "path" | "virtual" {
    return this.#open.endpoint.pathStyle ? "path" : "virtual";
  }

  trouble(): BackupError | undefined {
    return this.#open.bucket.requests.trouble;
  }

  skewMs(): number | undefined {
    const { requests, options } = this.#open.bucket;
    return requests.isDated ? requests.now() - options.clock.now() : undefined;
  }

  warnings(): readonly string[] {
    return this.#warnings;
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.#listOne(this.#open.bucket.requests, { prefix: "", tolerate: ["AccessDenied"] }, signal);
  }

  async reachOtherwise(signal: AbortSignal): Promise<boolean | undefined> {
    const { bucket, endpoint } = this.#open;
    const { hostname = "" } = (endpoint.url === undefined ? null : URL.parse(endpoint.url)) ?? {};
    // The SDK knows no other way to name a bucket at an address.
    if (isIP(hostname.replace(/^\[(.*)\]$/, "$1")) !== 0) return undefined;
    const options = { ...bucket.options, credentials: untouched(bucket.options.credentials) };
    const wire = createWire(options, { ...endpoint, pathStyle: !endpoint.pathStyle }, bucket.bandwidth);
    const list = (either: AbortSignal): Promise<void> =>
      this.#listOne(new Requests(wire, options), { prefix: "", tolerate: ["AccessDenied"] }, either);
    const bound = { clock: options.clock, ms: OTHERWISE_MS, error: () => new Error("no answer") };
    try {
      await withDeadline(bound, list, signal);
      return true;
    } catch {
      signal.throwIfAborted();
      return false;
    } finally {
      closeWire(wire);
    }
  }

  async list(prefix: ObjectKey, signal: AbortSignal): Promise<void> {
    await this.#listOne(this.#open.bucket.requests, { prefix, tolerate: [] }, signal);
  }

  async versioning(signal: AbortSignal): Promise<Versioning> {
    return await readVersioning(this.#open.bucket, signal);
  }

  async lockDefault(signal: AbortSignal): Promise<LockDefault> {
    return await readLockDefault(this.#open.bucket, signal);
  }

  async daysToAbort(prefix: ObjectKey, signal: AbortSignal): Promise<number | undefined> {
    return await readDaysToAbort(this.#open.bucket, prefix, signal);
  }

  canary(prefix: ObjectKey): Canary {
    return new S3Canary(this.#open.bucket, prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeWire(this.#open.wire);
  }

  async #listOne(
    requests: Requests,
    { prefix, tolerate }: { readonly prefix: ObjectKey; readonly tolerate: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    const { bucket } = this.#open;
    const input = { Bucket: bucket.name, Prefix: bucket.folder + prefix, MaxKeys: 1 };
    await requests.attempt(
      { what: `list "${urlOf(bucket, prefix)}"`, permission: "s3:ListBucket", tolerate },
      (client, options) => client.send(new ListObjectsV2Command(input), options),
      signal,
    );
  }
}

/** Keys that are refused under a wrong host name are not wrong for that. */
function untouched(credentials: CredentialSource): CredentialSource {
  return {
    current: () => credentials.current(),
    refresh: () => credentials.refresh(),
    replace: async ({ cause }) => {
      throw cause;
    },
    accepted: () => undefined,
    describe: () => credentials.describe(),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
