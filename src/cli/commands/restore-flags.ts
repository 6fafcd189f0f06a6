import { resolve } from "node:path";
import { BackupError } from "../../errors.ts";
import type { Wish } from "../../model/choose-snapshot.ts";
import { parseMoment } from "../../model/moment.ts";
import type { Distribution } from "../../model/restore-guide/guide.ts";
import type { RestoreTarget } from "../../restore/prepare-restore.ts";
import type { CommonOptions } from "../open-session.ts";
import type { Terminal } from "../terminal.ts";

/** The flags of `restore` as the parser gives them. */
export interface RestoreFlags {
  readonly latest?: boolean;
  readonly time?: string;
  readonly dataDir?: string;
  readonly walDir?: string;
  readonly name?: string;
  readonly initialCluster?: string;
  readonly initialClusterToken?: string;
  readonly initialAdvertisePeerUrls?: string;
  readonly bumpRevision?: string;
  readonly markCompacted?: boolean;
  readonly etcdutl?: string;
  readonly force?: boolean;
  readonly for?: Distribution;
}

/** A whole command line of `restore`. */
export interface RestoreCommand {
  /** A name, a file or a URL. */
  readonly snapshot: string | undefined;
  readonly flags: RestoreFlags;
  readonly common: CommonOptions;
  readonly terminal: Terminal;
}

/** With what `--latest` or `--time` wish for, if a snapshot is not named. */
export interface WishedRestore extends RestoreCommand {
  readonly wish: Wish | undefined;
}

/** Where the flags say that a member is to appear. */
export function targetOf(flags: RestoreFlags, workingDirectory: string): RestoreTarget {
  const { dataDir, walDir, etcdutl } = flags;
  if (!dataDir) {
    throw new BackupError("USAGE", "Cannot restore: nothing says where to", {
      hint: "Add --data-dir=DIR, a directory that is absent or empty; or --for=k3s, --for=rke2 or --for=kubeadm",
    });
  }
  const { name, initialCluster, initialClusterToken, initialAdvertisePeerUrls, bumpRevision, markCompacted } = flags;
  return {
    dataDir: resolve(workingDirectory, dataDir),
    walDir: walDir ? resolve(workingDirectory, walDir) : undefined,
    member: { name, initialCluster, initialClusterToken, initialAdvertisePeerUrls, bumpRevision, markCompacted },
    tool: etcdutl,
  };
}

/** What snapshot the flags wish for; `undefined` when one is named instead. Exactly one way has to be taken. */
export function wishOf(snapshot: string | undefined, { latest, time }: RestoreFlags): Wish | undefined {
  const ways = [snapshot !== undefined, latest ?? false, time !== undefined].filter(Boolean).length;
  if (ways !== 1) {
    const why = ways === 0 ? "nothing says which snapshot" : "a snapshot, --latest and --time exclude each other";
    throw new BackupError("USAGE", `Cannot restore: ${why}`, {
      hint: "Give a name of `etcd-ark list`, a file, an s3:// URL, --latest or --time=MOMENT",
    });
  }
  if (time === undefined) return latest ? { kind: "latest" } : undefined;
  const moment = parseMoment(time);
  if (moment !== undefined) return { kind: "time", time: moment };
  throw new BackupError("USAGE", `Cannot use --time "${time}": it is no moment`, {
    hint: 'Write "2026-11-25T03:00:00+01:00", or "2026-11-25 03:00", which is UTC',
  });
}
