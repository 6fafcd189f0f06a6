/** How snapshots are stored: as etcd sends them, or compressed at a level of the library's scale. */
export type Compression =
  | { readonly algorithm: "none" }
  | { readonly algorithm: "zstd" | "gzip"; readonly level: number | undefined };

/** The `encoding` of a manifest and the suffixes of the object's key. */
export function encodingOf(compression: Compression): string[] {
  return compression.algorithm === "none" ? [] : [compression.algorithm];
}
