import { isBackupError } from "../errors.ts";
import type { RetentionPolicy } from "../model/retention.ts";
import { backFill } from "./back-fill.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { executePrune, planPrune } from "./prune.ts";

export interface FollowUp {
  /** The destinations that hold the new snapshot. */
  readonly stored: readonly Destination[];
  readonly retention: RetentionPolicy;
}

/**
 * What a success allows: S3 gets the snapshots that only a directory holds, and each destination that was
 * written to is pruned. What fails here is reported and left for the next run; the backup counts all the same.
 */
export async function followUp(
  context: BackupContext,
  { stored, retention }: FollowUp,
  signal: AbortSignal,
): Promise<void> {
  const directory = stored.find(({ store }) => store.kind === "directory");
  for (const destination of stored) {
    const tidy = async (operation: () => Promise<unknown>): Promise<void> => {
      try {
        await operation();
      } catch (error) {
        signal.throwIfAborted();
        if (!isBackupError(error)) throw error;
        const store = destination.store.url("");
        context.telemetry.warning("Cannot tidy a store after a backup", { store, err: error });
      }
    };
    if (directory && destination !== directory) {
      await tidy(() => backFill(context, { from: directory, to: destination, retention }, signal));
    }
    await tidy(async () => executePrune(context, await planPrune({ destination, retention }, signal), signal));
  }
}
