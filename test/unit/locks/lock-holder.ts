// A process that takes the lock named by its argument, says so, and lives until it is killed.
import { systemClock } from "../../../src/app/system-clock.ts";
import { createRunLock } from "../../../src/locks/abstract-socket.ts";

const lock = createRunLock({ clock: systemClock });
await lock.acquire(process.argv[2] ?? "", 0, new AbortController().signal);
process.stdout.write("held\n");
process.stdin.resume();
