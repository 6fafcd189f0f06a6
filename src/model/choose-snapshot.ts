import { type Manifest, storedAt } from "./manifest.ts";
import { type Instant, isInFuture } from "./time.ts";

/** A snapshot that may be restored, as a store holds it. */
export interface Candidate {
  readonly manifest: Manifest;
  /** The object is there with the size that the manifest says. */
  readonly good: boolean;
  /** Suspect, and nobody has accepted it. */
  readonly suspect: boolean;
}

/** The newest, or the newest that holds nothing later than `time`. */
export type Wish = { readonly kind: "latest" } | { readonly kind: "time"; readonly time: Instant };

export interface ChoiceOptions {
  readonly wish: Wish;
  readonly now: Instant;
  /** Whether suspect ones may be chosen as well. */
  readonly force: boolean;
}

export interface Choice<Each extends Candidate> {
  readonly chosen: Each | undefined;
  /** Newer ones that the wish would allow, and why they are not it; the newest first. */
  readonly passedOver: readonly { readonly candidate: Each; readonly why: string }[];
  /** The first that was taken after the chosen one, from which it shows what the chosen one lacks. */
  readonly next: Each | undefined;
}

/**
 * Chooses what to restore. A snapshot may hold writes up to the moment at which its stream ended, so `time` is compared
 * with `finishedAt`: what is chosen is never later than asked for.
 */
export function chooseSnapshot<Each extends Candidate>(
  candidates: readonly Each[],
  { wish, now, force }: ChoiceOptions,
): Choice<Each> {
  const ageOf = ({ manifest }: Candidate): Instant =>
    wish.kind === "time" ? finishedAt(manifest) : storedAt(manifest);
  const newestFirst = candidates.toSorted((a, b) => ageOf(b) - ageOf(a));
  const allowed = newestFirst.filter((each) => wish.kind === "latest" || ageOf(each) <= wish.time);
  const judged = allowed.map((candidate) => ({ candidate, why: objectionTo(candidate, { now, force }) }));
  const index = judged.findIndex(({ why }) => why === undefined);
  const chosen = judged[index]?.candidate;
  return {
    chosen,
    passedOver: judged
      .slice(0, index === -1 ? undefined : index)
      .flatMap(({ candidate, why }) => (why === undefined ? [] : [{ candidate, why }])),
    next:
      chosen && candidates.filter((each) => isAfter(each, chosen)).toSorted((a, b) => startedAt(a) - startedAt(b))[0],
  };
}

/** What is lost by restoring a snapshot as it stands for the moment `until`. */
export interface Loss {
  /** From when on writes may be missing: the stream reads the database as it was when it began. */
  readonly since: Instant;
  readonly until: Instant;
  /** At most so many revisions, as far as the next snapshot tells. */
  readonly revisions: bigint | undefined;
}

/** The writes between a snapshot and a later moment. */
export function lossOf(chosen: Candidate, next: Candidate | undefined, until: Instant): Loss {
  const isSameHistory = next?.manifest.timeline === chosen.manifest.timeline;
  const revisions =
    next && isSameHistory ? BigInt(next.manifest.revision) - BigInt(chosen.manifest.revision) : undefined;
  return { since: startedAt(chosen), until, revisions };
}

function objectionTo(
  { manifest, good, suspect }: Candidate,
  { now, force }: { readonly now: Instant; readonly force: boolean },
): string | undefined {
  if (!good) return "its object is missing or has another size";
  if (isInFuture(storedAt(manifest), now)) return `it claims to be stored in the future, at ${manifest.storedAt}`;
  if (suspect && !force) return `it is suspect: ${manifest.suspect.join(", ")}`;
  return undefined;
}

function isAfter(one: Candidate, other: Candidate): boolean {
  return one.manifest.name !== other.manifest.name && startedAt(one) > startedAt(other);
}

function startedAt({ manifest }: Candidate): Instant {
  return Date.parse(manifest.startedAt);
}

function finishedAt(manifest: Manifest): Instant {
  return Date.parse(manifest.finishedAt);
}
