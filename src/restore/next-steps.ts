import { shellWord } from "../model/shell-word.ts";
import type { MemberOptions } from "../ports/etcd-tools.ts";
import type { PreparedRestore } from "./prepare-restore.ts";

/** The commands that follow a restore: etcd with the same options, then what lets backups go on. */
export function nextSteps({ dataDir, wal, member }: PreparedRestore): string[] {
  const walDir = wal.kind === "apart" ? wal.place.path : wal.kind === "below" ? wal.path : undefined;
  const options = [
    ["data-dir", dataDir.path],
    ["wal-dir", walDir],
    ["name", member.name],
    ["initial-cluster", member.initialCluster],
    ["initial-cluster-token", member.initialClusterToken],
    ["initial-advertise-peer-urls", member.initialAdvertisePeerUrls],
  ] as const;
  const given = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${shellWord(value)}`]));
  return [["etcd", ...given].join(" "), "etcd-ark adopt"];
}

/** The other members, each of which has to be restored from the same snapshot. */
export function otherMembers({ name = "default", initialCluster = "" }: MemberOptions): string[] {
  const names = initialCluster.split(",").map((member) => member.split("=", 1)[0] ?? "");
  return [...new Set(names)].filter((each) => each !== "" && each !== name);
}
