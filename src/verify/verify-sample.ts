import { type Destination, failuresOf, onEach } from "../backup/destination.ts";
import { isBackupError } from "../errors.ts";
import type { Level } from "../model/check-record.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { VerifyContext } from "./context.ts";
import { type Copy, chooseSample, verifyCopy } from "./verify-copies.ts";

/** What the daemon checks, and whom it tells. */
export interface SampleRequest {
  readonly destinations: readonly Destination[];
  readonly level: Level;
  /** Copies besides the newest. */
  readonly sample: number;
  readonly telemetry: Telemetry;
}

/** The scheduled check of all stores. What cannot be looked at is told, and the rest goes on. */
export async function verifySample(context: VerifyContext, request: SampleRequest, signal: AbortSignal): Promise<void> {
  const { destinations, sample, telemetry } = request;
  const inputs = destinations.map((destination) => ({ destination }));
  const outcomes = await onEach(inputs, async ({ destination }) => {
    const { entries } = await destination.catalog.list(signal);
    for (const copy of chooseSample(destination, { entries, sample }))
      await verifyOne(context, { ...request, copy }, signal);
  });
  signal.throwIfAborted();
  for (const { destination, error } of failuresOf(outcomes)) {
    telemetry.warning("Cannot verify the snapshots of a store", { store: destination.store.url(""), err: error });
  }
}

async function verifyOne(
  context: VerifyContext,
  { copy, level, telemetry }: SampleRequest & { readonly copy: Copy },
  signal: AbortSignal,
): Promise<void> {
  const { entry, destination } = copy;
  const fields = { snapshot: entry.name, store: destination.store.url(""), level };
  try {
    const checked = await verifyCopy(context, { copy, options: { level, askHash: undefined } }, signal);
    const findings = checked.verification.findings.map(({ message }) => message);
    telemetry.verifyFinished({ ...fields, passed: checked.mark.passed, findings, durationMs: checked.durationMs });
  } catch (error) {
    signal.throwIfAborted();
    if (!isBackupError(error)) throw error;
    telemetry.warning("Cannot verify a snapshot", { ...fields, err: error });
  }
}
