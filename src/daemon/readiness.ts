import { withDeadline } from "../async/deadline.ts";
import type { BackupContext } from "../backup/context.ts";
import { type Destination, failuresOf, onEach } from "../backup/destination.ts";
import { BackupError, type ErrorCode } from "../errors.ts";

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
  const within = <Value>(asked: Asked, operation: (signal: AbortSignal) => Promise<Value>): Promise<Value> =>
    withDeadline(
      { clock: context.clock, ms: ANSWER_MS, error: () => asked.trouble?.() ?? noAnswer(asked) },
      operation,
      signal,
    );
  await within(ETCD, (limited) => context.source.choose(new Set(), limited));
  const looked = await onEach(
    destinations.map((destination) => ({ destination })),
    ({ destination }) => within(askedOf(destination), (limited) => destination.catalog.identity(limited)),
  );
  const [failure, ...others] = failuresOf(looked);
  if (failure && others.length + 1 === looked.length) throw failure.error;
}

/** Whoever is asked, and the key that says where it is. */
interface Asked {
  readonly name: string;
  /** What is being tried again there, which tells more than that time is over. */
  readonly trouble?: () => BackupError | undefined;
  readonly code: ErrorCode;
  readonly key: string;
}

const ETCD: Asked = { name: "etcd", code: "ETCD_UNAVAILABLE", key: "etcd.endpoints" };

function askedOf({ store }: Destination): Asked {
  const key = store.kind === "s3" ? "s3.endpoint" : "directory.path";
  return { name: store.url(""), code: "STORE_UNAVAILABLE", key, trouble: () => store.trouble() };
}

function noAnswer({ name, code, key }: Asked): BackupError {
  return new BackupError(code, `Cannot reach "${name}": no answer within ${ANSWER_MS / 1000} s`, {
    hint: `See that it runs, the network, and "${key}"; the daemon keeps trying`,
  });
}
