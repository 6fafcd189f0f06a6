const MIB = 2 ** 20;

/** Limits of multipart uploads (S3 User Guide, "Amazon S3 multipart upload limits"). */
export const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * MIB;

/**
 * Bytes of each part but the last: what is configured, or as much more, in whole MiB, as `size` bytes need to fit
 * into 10,000 parts. All are equal, which R2 demands. 0 means that the size is unknown.
 */
export function partSizeFor(size: number, configured: number): number {
  const needed = Math.ceil(size / MAX_PARTS / MIB) * MIB;
  return Math.max(MIN_PART_BYTES, configured, needed);
}
