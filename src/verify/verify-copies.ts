import type { CatalogEntry } from "../backup/catalog.ts";
import type { Destination } from "../backup/destination.ts";
import type { CheckMark, Level } from "../model/check-record.ts";
import { storedAt } from "../model/manifest.ts";
import { isInFuture } from "../model/time.ts";
import type { VerifyContext } from "./context.ts";
import type { AskHash } from "./live-hash.ts";
import { recordCheck, recordedHash } from "./record-check.ts";
import { type Verification, verifySnapshot } from "./verify-snapshot.ts";

/** A snapshot in one store, to be checked. */
export interface Copy {
  readonly destination: Destination;
  readonly entry: CatalogEntry;
}

/** What came of one copy. */
export interface CheckedCopy extends Copy {
  readonly mark: CheckMark;
  readonly verification: Verification;
  readonly durationMs: number;
}

/** How copies are checked. */
export interface CheckOptions {
  readonly level: Level;
  readonly askHash: AskHash | undefined;
}

/** Checks one copy and keeps the outcome beside it. Rejects when it could not be looked at; then nothing is kept. */
export async function verifyCopy(
  context: VerifyContext,
  { copy, options }: { readonly copy: Copy; readonly options: CheckOptions },
  signal: AbortSignal,
): Promise<CheckedCopy> {
  const { store, catalog } = copy.destination;
  const { cluster } = catalog;
  const { name, manifest } = copy.entry;
  const start = context.clock.monotonic();
  const kept = { store, cluster, name };
  const expected = options.level === "full" ? await recordedHash(kept, signal) : undefined;
  const request = { snapshot: { store, cluster, manifest }, recordedHash: expected, ...options };
  const verification = await verifySnapshot(context, request, signal);
  const durationMs = context.clock.monotonic() - start;
  const mark = await recordCheck(context, { copy: kept, level: options.level, verification, durationMs }, signal);
  return { ...copy, mark, verification, durationMs };
}

/** The newest copy of a store that counts, if there is one. */
export function newestOf(destination: Destination, entries: readonly CatalogEntry[]): Copy[] {
  const now = destination.store.now();
  const entry = entries.findLast(({ manifest, good }) => good && !isInFuture(storedAt(manifest), now));
  return entry ? [{ destination, entry }] : [];
}

/**
 * What a scheduled check looks at in one store: the newest copy, and `sample` others, those first whose last check is
 * longest ago, so that in time each has its turn. One that was found corrupt has had it.
 */
export function chooseSample(
  destination: Destination,
  { entries, sample }: { readonly entries: readonly CatalogEntry[]; readonly sample: number },
): Copy[] {
  const newest = newestOf(destination, entries);
  const others = entries
    .filter((entry) => entry.good && entry !== newest[0]?.entry)
    .toSorted((a, b) => (a.check?.at ?? 0) - (b.check?.at ?? 0));
  return [...newest, ...others.slice(0, sample).map((entry) => ({ destination, entry }))];
}
