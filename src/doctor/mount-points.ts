/** Places of bind mounts and the like: the fifth field of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export function isMountPoint(mountinfo: string, path: string): boolean {
  return mountinfo.split("\n").some((line) => unescapeOctal(line.split(" ")[4] ?? "") === path);
}

/** Spaces, tabs, newlines and backslashes stand there as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
