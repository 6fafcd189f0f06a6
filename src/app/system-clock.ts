import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";

/** The machine's clocks: the only place of the program that reads them. */
export const systemClock: Clock = {
  // biome-ignore lint/plugin: this is the one reader of the wall clock
  now: () => Date.now(),
  // biome-ignore lint/plugin: this is the one reader of the monotonic clock
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    signal.throwIfAborted();
    await sleep(ms, undefined, { signal }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
  },
};
