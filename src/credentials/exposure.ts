import type { FileText } from "./file-text.ts";
import type { Warn } from "./loader.ts";

/** Says once for each file that group or others may read what is secret in it. */
export type ExposureWarning = (file: FileText) => void;

export function exposureWarning(warn: Warn): ExposureWarning {
  const told = new Set<string>();
  return (file) => {
    if (file.kind !== "text" || !file.exposed || told.has(file.path)) return;
    told.add(file.path);
    warn("credentials can be read by other users", { path: file.path, hint: `Run "chmod 600 ${file.path}"` });
  };
}
