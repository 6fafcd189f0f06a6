import { BackupError } from "../errors.ts";
import { isOlderMinor } from "../model/etcd-version.ts";
import { HEAD_BYTES, refuseFile, refusePart } from "../model/snapshot-file.ts";
import type { RestoreTool } from "../ports/etcd-tools.ts";
import type { InspectedFile } from "../ports/snapshot-inspector.ts";
import type { RestoreContext } from "./context.ts";

/** What may be overruled with --force, and then is only said. */
export interface Leniency {
  readonly force: boolean;
  readonly warn: (text: string) => void;
}

export interface FileToCheck {
  readonly path: string;
  /** As the operator knows it. */
  readonly name: string;
  readonly tool: RestoreTool;
  readonly leniency: Leniency;
}

/** Refuses what shows in a file's name and first bytes. */
export async function checkHead({ peek }: RestoreContext, { path, name, leniency }: FileToCheck): Promise<void> {
  const head = { name, ...(await peek(path, HEAD_BYTES)) };
  const hopeless = refuseFile(head);
  if (hopeless) throw hopeless;
  refuseUnlessForced(refusePart(head), leniency);
}

/** Reads the whole file, and refuses what is wrong with it; the digest unless that is left to etcd's tool. */
export async function checkFile(
  { inspect }: RestoreContext,
  { path, name, tool, leniency, digest }: FileToCheck & { readonly digest: boolean },
  signal: AbortSignal,
): Promise<InspectedFile> {
  const inspected = await inspect(path, { digest }, signal);
  refuseUnlessForced(objectionTo(name, inspected), leniency);
  refuseOlderTool({ tool, version: inspected.storageVersion, name }, leniency);
  return inspected;
}

/** Whether the tool must not look at the digest, since there is none or it is wrong. */
export function mustSkipHashCheck({ findings, hasTrailer }: InspectedFile): boolean {
  return !hasTrailer || findings.some(({ code }) => code === "DIGEST");
}

/** etcd reads the files of older versions, never those of newer ones. */
export function refuseOlderTool(
  { tool, version, name }: { readonly tool: RestoreTool; readonly version: string; readonly name: string },
  leniency: Leniency,
): void {
  if (!isOlderMinor(tool.version, version)) return;
  const what = `"${name}" is of etcd ${version}, and "${tool.path}" is ${tool.name} ${tool.version}`;
  refuseUnlessForced(
    new BackupError("CONFIG_INVALID", `Cannot restore with an older tool: ${what}`, {
      hint: `Get etcdutl ${version} and name it with --etcdutl=PATH, or try it with --force`,
    }),
    leniency,
  );
}

/** Throws the objection, or only says it when forced. */
export function refuseUnlessForced(objection: BackupError | undefined, { force, warn }: Leniency): void {
  if (!objection) return;
  if (!force) throw objection;
  warn(`${objection.message}; --force goes on`);
}

function objectionTo(name: string, { findings, hasTrailer }: InspectedFile): BackupError | undefined {
  const [first, ...others] = hasTrailer ? findings : findings.filter(({ code }) => code !== "DIGEST");
  if (first) {
    const more = others.length > 0 ? `, and ${others.length} more` : "";
    return new BackupError("SNAPSHOT_CORRUPT", `Cannot restore "${name}": ${first.message}${more}`, {
      hint: "Take another one: `etcd-ark list` shows them; or, if nothing else is left, add --force",
    });
  }
  if (hasTrailer) return undefined;
  return new BackupError(
    "SNAPSHOT_CORRUPT",
    `Cannot check "${name}": it has no digest at its end, as a file that was copied from member/snap/db`,
    { hint: "Take a snapshot instead; or, if nothing else is left, restore it unchecked with --force" },
  );
}
