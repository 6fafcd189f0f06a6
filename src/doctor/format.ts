/** Bytes as whole MiB, rounded up. */
export function formatMiB(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
