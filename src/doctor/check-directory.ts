import { BackupError } from "../errors.ts";
import { type Check, type Finding, fail, pass, warn } from "../model/check.ts";
import { layout } from "../model/layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { DirectoryProbe, DirectoryState } from "../ports/directory-probe.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { formatMiB } from "./format.ts";
import { runSteps, type Step } from "./steps.ts";

export interface DirectorySubject {
  readonly probe: DirectoryProbe;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly cluster: string;
  /** Whether a file may be written and removed. */
  readonly write: boolean;
  readonly newUuid: () => string;
}

/** A dead mount answers never. */
const BOUND_MS = 15_000;
const CHOWN = "Give it to the user that etcd-ark runs as, with chown; a systemd unit needs ReadWritePaths= for it";

/** Checks the directory of the directory store. */
export async function checkDirectory(subject: DirectorySubject, signal: AbortSignal): Promise<Check[]> {
  const { probe, clock } = subject;
  let state: DirectoryState | undefined;
  const looked = (look: (found: DirectoryState) => Promise<Finding> | Finding) => async (): Promise<Finding> => {
    if (state === undefined) throw new Error("the directory was not looked at");
    return await look(state);
  };
  const steps: Step[] = [
    {
      name: "path",
      run: async (either) => {
        state = await probe.look(either);
        return pathOf(state);
      },
    },
    { name: "mode", needs: ["path"], run: looked(modeOf) },
    { name: "free space", needs: ["path"], run: looked(spaceOf) },
    {
      name: "write",
      needs: ["path"],
      run: (either) => looked((found) => writeOf(subject, found, either))(),
    },
  ];
  return await runSteps(steps, { group: "directory", clock, boundMs: BOUND_MS }, signal);
}

function exists({ path, nearest }: DirectoryState): boolean {
  return path === nearest;
}

function pathOf(state: DirectoryState): Finding {
  if (exists(state)) return pass(state.path);
  const detail = `"${state.path}" does not exist`;
  if (!state.isWritable) return fail(`${detail}, and cannot be made in "${state.nearest}"`, CHOWN);
  return warn(`${detail} yet; the first backup makes it`, "Mount what is to be mounted there before");
}

function modeOf(state: DirectoryState): Finding {
  const mode = state.mode.toString(8).padStart(4, "0");
  if (!exists(state)) return pass("0700 when it is made");
  // The sticky bit keeps others from replacing what is not theirs.
  if ((state.mode & 0o022) === 0 || (state.mode & 0o1000) !== 0) return pass(mode);
  return warn(`mode ${mode}: others may replace snapshots`, `Run "chmod go-w ${state.path}"`);
}

function spaceOf({ freeBytes, keepBytes }: DirectoryState): Finding {
  const detail = `${formatMiB(freeBytes)} are free, of which ${formatMiB(keepBytes)} have to stay free`;
  if (freeBytes > keepBytes) return pass(detail);
  return fail(detail, 'Free space there, lower "retention", or lower "directory.minFree"');
}

/** A file that is written and read back says more than permissions do. */
async function writeOf(
  { store, cluster, write, newUuid }: DirectorySubject,
  state: DirectoryState,
  signal: AbortSignal,
): Promise<Finding> {
  if (!state.isWritable) return fail(`Cannot write to "${state.nearest}": permission denied`, CHOWN);
  if (!write || !exists(state)) return pass("this user may write; not tried");
  const key = `${layout.canary(cluster, newUuid())}object`;
  const body = new TextEncoder().encode("canary of etcd-ark doctor");
  try {
    await store.create(key, body, signal);
    const read = await store.get(key, signal);
    if (read === undefined || read.length !== body.length) throw unread(store.url(key));
  } finally {
    // Under a signal of its own: also when somebody interrupts.
    await store.delete(key, new AbortController().signal);
  }
  return pass("a file was written, read back and removed");
}

function unread(url: string): BackupError {
  return new BackupError("STORE_REFUSED", `Cannot read "${url}" back as it was written`, {
    hint: "See with `df` and `dmesg` whether the disk and the mount are sound",
  });
}
