import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspectFile, peekFile } from "../../../src/app/inspect-file.ts";
import { createDataDirectories } from "../../../src/data-directory/data-directories.ts";
import { createDirectoryStore } from "../../../src/directory/directory-store.ts";
import { BackupError } from "../../../src/errors.ts";
import type { Place, Workspace } from "../../../src/ports/data-directory.ts";
import type { MemberOptions, RestoreTool, ToolRequest } from "../../../src/ports/etcd-tools.ts";
import type { RestoreContext } from "../../../src/restore/context.ts";
import { type PreparedRestore, prepareRestore, type RestoreTarget } from "../../../src/restore/prepare-restore.ts";
import { type Restored, type RestoreRequest, restoreSnapshot } from "../../../src/restore/restore-snapshot.ts";
import type { RestoreSource } from "../../../src/restore/source.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { type TempDir, tempDir } from "../../support/temp-dir.ts";

/** etcd's tool as tests need it: it copies the file to where etcd has its database. */
export class FakeTool implements RestoreTool {
  readonly name = "etcdutl" as const;
  readonly path = "/opt/etcdutl";
  version = "3.5.16";
  canBumpRevision = true;
  readonly requests: ToolRequest[] = [];
  /** Called when it has written everything. */
  afterwards: () => Promise<void> | void = () => undefined;

  async restore(request: ToolRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.requests.push(request);
    if (!request.skipHashCheck) await requireDigest(request.file);
    const wal = request.walDir ?? join(request.dataDir, "member", "wal");
    await mkdir(join(request.dataDir, "member", "snap"), { recursive: true });
    await mkdir(wal, { recursive: true });
    await cp(request.file, join(request.dataDir, "member", "snap", "db"));
    await writeFile(join(wal, "0.wal"), "log");
    await this.afterwards();
  }
}

/** As etcd's tool does. */
async function requireDigest(file: string): Promise<void> {
  const bytes = await readFile(file);
  const digest = createHash("sha256").update(bytes.subarray(0, -32)).digest();
  if (digest.equals(bytes.subarray(-32))) return;
  throw new BackupError("TOOL_FAILED", "Cannot restore: expected sha256 of the digest, got another");
}

/** Restoring from a store in memory, with a fake tool, into real directories. */
export class RestoreLab implements AsyncDisposable {
  readonly backups = new BackupLab();
  readonly tool = new FakeTool();
  readonly warnings: string[] = [];
  readonly progress: (readonly [number, number])[] = [];
  /** Paths in the order in which they were put in place. */
  readonly published: string[] = [];
  /** Called when something was put in place. */
  onPublished: (path: string) => void = () => undefined;
  /** What is to be seen of the places. */
  seen: Partial<Place> = {};
  readonly #directory: TempDir;

  constructor(directory: TempDir) {
    this.#directory = directory;
  }

  /** Where the data directory is to appear. */
  path(...parts: string[]): string {
    return join(this.#directory.path, ...parts);
  }

  /** All that is below the parent of the data directory, hidden or not. */
  async files(): Promise<string[]> {
    return (await readdir(this.#directory.path, { recursive: true })).sort();
  }

  get context(): RestoreContext {
    const { clock } = this.backups;
    const directories = createDataDirectories({ clock });
    return {
      directories: {
        ...directories,
        look: async (path) => ({ ...(await directories.look(path)), ...this.seen }),
        workspaceBeside: async (place) => this.#watch(await directories.workspaceBeside(place)),
      },
      inspect: inspectFile,
      peek: peekFile,
      findTool: async () => this.tool,
      localFiles: (path) => createDirectoryStore({ path, minFree: "0%", clock }),
      lock: { acquire: async () => ({ [Symbol.asyncDispose]: async () => undefined }) },
      clock,
    };
  }

  async prepare(target: Partial<RestoreTarget> & { member?: MemberOptions } = {}): Promise<PreparedRestore> {
    const defaults = { dataDir: this.path("data"), walDir: undefined, member: {}, tool: undefined };
    return await prepareRestore(this.context, { ...defaults, ...target }, this.backups.never);
  }

  /** The newest snapshot that a backup has just stored. */
  async stored(suspect: readonly string[] = []): Promise<RestoreSource> {
    const manifest = await this.backups.manifest();
    const { store, context } = this.backups;
    return { kind: "stored", snapshot: { store, cluster: context.cluster, manifest }, suspect };
  }

  /** A file of these bytes. */
  async file(bytes: Uint8Array, name = "file.db"): Promise<RestoreSource> {
    const path = this.path(name);
    await writeFile(path, bytes);
    return { kind: "file", path, sizeBytes: bytes.length };
  }

  async restore(
    source: RestoreSource,
    options: Partial<RestoreRequest> = {},
    signal = this.backups.never,
  ): Promise<Restored> {
    const request = {
      prepared: options.prepared ?? (await this.prepare()),
      source,
      force: false,
      warn: (text: string) => void this.warnings.push(text),
      onProgress: (done: number, total: number) => void this.progress.push([done, total]),
      ...options,
    };
    return await restoreSnapshot(this.context, request, signal);
  }

  #watch(workspace: Workspace): Workspace {
    return {
      path: workspace.path,
      publish: async (name, place, as) => {
        await workspace.publish(name, place, as);
        this.published.push(place.path);
        this.onPublished(place.path);
      },
      takeBack: (name, place) => workspace.takeBack(name, place),
      [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

export async function restoreLab(): Promise<RestoreLab> {
  return new RestoreLab(await tempDir());
}
