/** A lock of flock(2), as /proc/locks shows it. */
export interface FileLock {
  /** 0 or less for a process of another pid namespace. */
  readonly pid: number;
  readonly major: number;
  readonly minor: number;
  readonly inode: bigint;
}

/** `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`: device numbers in hex, the inode in decimal (proc_locks(5)). */
const HELD_FLOCK = /^\d+: FLOCK +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /;

/** The locks of flock(2) that are held; those that are waited for, behind an arrow, are not. */
export function parseFileLocks(text: string): FileLock[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, major = "", minor = "", inode = ""] = HELD_FLOCK.exec(line) ?? [];
    if (pid === undefined) return [];
    return [
      { pid: Number(pid), major: Number.parseInt(major, 16), minor: Number.parseInt(minor, 16), inode: BigInt(inode) },
    ];
  });
}

/** The two numbers of a device, as glibc's gnu_dev_major and gnu_dev_minor take them out of `st_dev`. */
export function deviceNumbers(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}
