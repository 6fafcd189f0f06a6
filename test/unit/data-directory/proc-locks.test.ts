import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceNumbers, parseFileLocks } from "../../../src/data-directory/proc-locks.ts";

// As Linux 6.1 prints them.
const LOCKS = `1: POSIX  ADVISORY  READ  722 08:01:1179671 128 128
2: FLOCK  ADVISORY  WRITE 1234 fd:0a:5678901234 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1300 fd:0a:5678901234 0 EOF
3: OFDLCK ADVISORY  READ  -1 00:06:1052 0 EOF
4: FLOCK  ADVISORY  READ -1 00:1f:12 0 EOF
5: LEASE  ACTIVE    READ 900 fe:00:33 0 EOF
`;

test("parseFileLocks() gives the locks of flock(2) that are held, and no others", () => {
  assert.deepEqual(parseFileLocks(LOCKS), [
    { pid: 1234, major: 0xfd, minor: 0x0a, inode: 5_678_901_234n },
    { pid: -1, major: 0, minor: 0x1f, inode: 12n },
  ]);
  assert.deepEqual(parseFileLocks(""), []);
});

test("deviceNumbers() takes st_dev apart, also with more than 8 bits of either", () => {
  assert.deepEqual(deviceNumbers(0xfd0an), { major: 0xfd, minor: 0x0a });
  assert.deepEqual(deviceNumbers(0x0000_1000_0120_3402n), { major: 0x1034, minor: 0x1202 });
});
