import type { Instant } from "./time.ts";

/**
 * How long after each tick this node starts: whole milliseconds in [0, maxMs), always the same for the
 * same node, and spread evenly over a fleet, so that its members do not meet at the bucket or at etcd.
 */
export function jitterMs(
  { cluster, node }: { readonly cluster: string; readonly node: string },
  maxMs: number,
): number {
  return Math.floor((hash32(`${cluster}/${node}`) / 2 ** 32) * maxMs);
}

/** The jitter shortened to less than the distance to the next tick; folded, so that a fleet stays spread. */
export function clampJitter(jitter: number, tick: Instant, next: Instant): number {
  const distance = next - tick;
  return distance > 0 ? jitter % distance : 0;
}

/**
 * FNV-1a, then MurmurHash3's finalizer: without it the last letter barely reaches the upper bits, and
 * `cp-1`, `cp-2` and `cp-3` start within half a second of one another.
 */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
