import type { Manifest } from "../manifest.ts";

/** What a guide fills in. */
export type GuideSnapshot = Pick<
  Manifest,
  "name" | "cluster" | "etcdVersion" | "revision" | "finishedAt" | "encoding" | "memberName"
>;
