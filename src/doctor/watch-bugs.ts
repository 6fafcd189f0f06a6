/** The first release of a minor version in which a watch loses no events after a reconnection (etcd issues 18089, 19179). */
const FIXED: Readonly<Record<string, number>> = { "3.4": 36, "3.5": 18 };

/** The version to upgrade to, if `version` is one whose watches may lose events; else `undefined`. */
export function lossyWatchOf(version: string): string | undefined {
  const [, minor = "", patch] = /^(\d+\.\d+)\.(\d+)/.exec(version) ?? [];
  const fixed = FIXED[minor];
  return fixed !== undefined && Number(patch) < fixed ? `${minor}.${fixed}` : undefined;
}
