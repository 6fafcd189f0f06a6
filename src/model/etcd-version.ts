/** The first two numbers of a version of etcd, which decide what its tools can read. */
export interface EtcdMinor {
  readonly major: number;
  readonly minor: number;
}

/** `3.5.16` as 3 and 5, or `undefined` for text that is no version. */
export function etcdMinor(version: string): EtcdMinor | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)(?:\.|$)/.exec(version) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

/** Whether `version` is of an older minor version than `other`; of what is no version, nothing is said. */
export function isOlderMinor(version: string, other: string): boolean {
  const [one, two] = [etcdMinor(version), etcdMinor(other)];
  if (!one || !two) return false;
  return one.major < two.major || (one.major === two.major && one.minor < two.minor);
}
