import { importName, parseK3sFile } from "../model/k3s-file.ts";
import { isInFuture } from "../model/time.ts";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";
import type { RebuildContext, RebuildOptions, Target } from "./context.ts";
import { examine } from "./examine.ts";
import { importInto } from "./import-into.ts";
import { leftOut, type Outcome } from "./outcome.ts";
import { whoseFolder } from "./whose-folder.ts";

export interface ImportRequest extends RebuildOptions {
  /** k3s's folder, which is only read. */
  readonly from: ObjectStore;
  readonly fallback: string;
}

/**
 * Copies the snapshots of k3s's folder into every store, once each was found to be whole. k3s puts them side by side, so
 * what lies deeper is none. The names of the copies depend on their bytes alone: a second run finds them there.
 */
export async function* importSnapshots(
  context: RebuildContext,
  request: ImportRequest,
  signal: AbortSignal,
): AsyncGenerator<Outcome, void, void> {
  const { from } = request;
  const listed = await Array.fromAsync(from.list("", signal));
  const objects = listed.filter(({ key }) => key !== "" && !key.includes("/"));
  if (objects.length === 0) return;
  const targets = await openTargets(context, request, signal);
  for (const object of objects) {
    if (object.size === 0) yield leftOut({ store: from, key: object.key }, "it is empty", false);
    else yield* importOne(context, { ...request, object, targets }, signal);
  }
}

async function openTargets(
  { backup }: RebuildContext,
  request: ImportRequest,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const destination of backup.destinations) {
    const identity = await whoseFolder(backup, { ...request, destination, named: [] }, signal);
    const { entries } = await destination.catalog.list(signal);
    targets.push({ destination, identity, entries, held: new Set(entries.map(({ name }) => name)) });
  }
  return targets;
}

interface One extends ImportRequest {
  readonly object: StoredObject;
  readonly targets: readonly Target[];
}

async function* importOne(context: RebuildContext, request: One, signal: AbortSignal): AsyncGenerator<Outcome> {
  const { from, object, targets } = request;
  const { key } = object;
  const source = from.url(key);
  const missing: Target[] = [];
  for (const target of targets) {
    const held = target.entries.find(({ manifest, good }) => good && manifest.importedFrom === source);
    if (held) yield thereAlready(request, { target, name: held.name });
    else missing.push(target);
  }
  if (missing.length === 0) return;
  const { encoding, node, takenAt } = parseK3sFile(key);
  const metadata = (await from.head(key, signal))?.metadata ?? {};
  const examined = await examine(context.verify, { store: from, key, size: object.size, encoding }, signal);
  if (typeof examined === "string") return yield leftOut({ store: from, key }, examined);
  // Files may have got another date when they were copied, names not.
  const at = takenAt === undefined || isInFuture(takenAt, from.now()) ? object.storedAt : takenAt;
  const known = {
    node: metadata["k3s-node-name"] ?? node,
    takenAt: at,
    source,
    k3sCluster: metadata["k3s-cluster-id"],
  };
  const name = importName({ node: known.node, at, sha256: examined.object.manifest.sha256 });
  for (const target of missing) {
    const one = { ...request, ...known, target, name, examined };
    yield target.held.has(name) ? thereAlready(request, one) : await importInto(context, one, signal);
  }
}

function thereAlready(
  { from, object }: One,
  { target, name }: { readonly target: Target; readonly name: string },
): Outcome {
  const store = target.destination.store.url("");
  return { action: "there already", key: from.fullKey(object.key), name, store };
}
