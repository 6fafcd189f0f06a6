import { withDeadline } from "../async/deadline.ts";
import type { BackupContext } from "../backup/context.ts";
import { type Destination, failuresOf, onEach } from "../backup/destination.ts";
import { readIdentity } from "../backup/identity.ts";
import { BackupError } from "../errors.ts";

/** How long etcd and the stores may take to answer before they count as absent. */
const ANSWER_MS = 10_000;

/**
 * Asks etcd and the destinations whether a backup could be taken now, at the cost of a few small requests.
 * Rejects with the reason when etcd does not answer, or none of the destinations.
 */
export async function checkReadiness(
  context: BackupContext,
  destinations: readonly Destination[],
  signal: AbortSignal,
): Promise<void> {
  const within = <Value>(name: string, operation: (signal: AbortSignal) => Promise<Value>): Promise<Value> =>
    withDeadline({ clock: context.clock, ms: ANSWER_MS, error: () => noAnswer(name) }, operation, signal);
  await within("etcd", (limited) => context.source.choose(new Set(), limited));
  const looked = await onEach(
    destinations.map((destination) => ({ destination })),
    ({ destination }) =>
      within(destination.store.url(""), (limited) => readIdentity(destination, context.cluster, limited)),
  );
  const [failure, ...others] = failuresOf(looked);
  if (failure && others.length + 1 === looked.length) throw failure.error;
}

function noAnswer(name: string): BackupError {
  const code = name === "etcd" ? "ETCD_UNAVAILABLE" : "STORE_UNAVAILABLE";
  return new BackupError(code, `Cannot reach "${name}": no answer within ${ANSWER_MS / 1000} s`, {
    hint: "The daemon keeps trying; see the network, the address in the configuration, and the server's own log",
  });
}
