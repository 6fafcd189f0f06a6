import { readFileSync } from "node:fs";
import type { FileRead } from "./load.ts";

/** Reads a configuration or env file, and tells a missing one from one that cannot be read. */
export function readFile(path: string): FileRead {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") return { missing: true };
    if (code === "EISDIR") return { unreadable: "it is a directory" };
    if (code === "EACCES" || code === "EPERM") return { unreadable: "permission denied" };
    return { unreadable: error instanceof Error ? error.message : String(error) };
  }
}
