import { randomBytes } from "node:crypto";
import { unlink } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { Instant } from "../model/time.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  ByteRange,
  CreateOutcome,
  DeleteOutcome,
  ObjectStore,
  ObjectWriter,
  StoredObject,
  UnfinishedUpload,
  WriteOptions,
} from "../ports/object-store.ts";
import { DirectoryWriter } from "./directory-writer.ts";
import { Disk } from "./disk.ts";
import {
  createTemporary,
  describe,
  discard,
  orUndefined,
  removeEmpty,
  syncDirectory,
  type TemporaryFile,
} from "./files.ts";
import { type MinFree, parseMinFree, refuseBelow } from "./free-space.ts";
import { listFiles, listFolderNames, listTemporaries } from "./listing.ts";
import { fileOf, isUploadId, temporaryOf } from "./paths.ts";
import { readFileWhole, readRange } from "./reading.ts";
import { createWhole, replaceWhole } from "./small-files.ts";

export interface DirectoryStoreOptions {
  /** Absolute; created with mode 0700 by the first write. */
  readonly path: string;
  /** What snapshots have to leave free on the file system: `20%` or `10GiB`. */
  readonly minFree: string;
  readonly clock: Clock;
}

/**
 * A store in a local directory. User metadata is not kept: no file but snapshots lies beside them, and
 * Node has no extended attributes. Rejects a relative path or a wrong `minFree` with `CONFIG_INVALID`.
 */
export function createDirectoryStore({ path, minFree, clock }: DirectoryStoreOptions): ObjectStore {
  if (!isAbsolute(path)) {
    throw new BackupError("CONFIG_INVALID", `Cannot keep snapshots in directory "${path}": the path is not absolute`, {
      hint: 'Write "directory.path" from the root on, e.g. "/var/backups/etcd"',
    });
  }
  return new DirectoryStore({ root: resolve(path), minFree: parseMinFree(minFree), clock });
}

interface Settings {
  readonly root: string;
  readonly minFree: MinFree;
  readonly clock: Clock;
}

interface Operation<T> {
  readonly verb: string;
  readonly key: ObjectKey;
  run(target: string): Promise<T>;
}

class DirectoryStore implements ObjectStore {
  readonly kind = "directory" as const;
  readonly id: string;
  readonly #settings: Settings;
  readonly #disk: Disk;

  constructor(settings: Settings) {
    this.id = `directory ${settings.root}`;
    this.#settings = settings;
    this.#disk = new Disk(settings.clock);
  }

  url(key: ObjectKey): string {
    return pathToFileURL(`${this.#settings.root}/${key}`).href;
  }

  fullKey(key: ObjectKey): string {
    return key;
  }

  /** Nothing is tried again. */
  trouble(): undefined {
    return undefined;
  }

  now(): Instant {
    return this.#settings.clock.now();
  }

  async open(key: ObjectKey, { expectedSize }: WriteOptions, signal: AbortSignal): Promise<ObjectWriter> {
    const target = this.#file(key);
    const url = this.url(key);
    const file = await this.#disk.do(
      {
        verb: "create",
        target: url,
        run: () => this.#begin(target, { url, expectedSize }),
        undo: (begun) => this.#discard(begun),
      },
      signal,
    );
    return new DirectoryWriter({
      disk: this.#disk,
      file,
      url,
      signal,
      reserve: (bytes) => this.#reserve(file, { url, bytes }),
      discard: () => this.#discard(file),
      describe: () => describe(key, target),
    });
  }

  async create(
    key: ObjectKey,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ outcome: CreateOutcome; object: StoredObject }> {
    return await this.#do(
      {
        verb: "create",
        key,
        run: async (target) => {
          const outcome = await createWhole(target, { body, uploadId: this.#uploadId(), url: this.url(key) });
          return { outcome, object: await this.#present(key, target) };
        },
      },
      signal,
    );
  }

  async replace(key: ObjectKey, body: Uint8Array, signal: AbortSignal): Promise<StoredObject> {
    return await this.#do(
      {
        verb: "write",
        key,
        run: async (target) => {
          await replaceWhole(target, { body, uploadId: this.#uploadId() });
          return await this.#present(key, target);
        },
      },
      signal,
    );
  }

  async get(key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return await this.#do({ verb: "read", key, run: (target) => readFileWhole(target) }, signal);
  }

  read(key: ObjectKey, range: ByteRange | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return readRange({ disk: this.#disk, path: this.#file(key), url: this.url(key), range }, signal);
  }

  async head(key: ObjectKey, signal: AbortSignal): Promise<StoredObject | undefined> {
    return await this.#do({ verb: "look at", key, run: (target) => describe(key, target) }, signal);
  }

  list(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<StoredObject> {
    return listFiles(this.#place, prefix, signal);
  }

  listFolders(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<string> {
    return listFolderNames(this.#place, prefix, signal);
  }

  async delete(key: ObjectKey, signal: AbortSignal): Promise<DeleteOutcome> {
    return await this.#do(
      {
        verb: "delete",
        key,
        run: async (target) => {
          if (!(await describe(key, target))) return "absent";
          const gone = await orUndefined(unlink(target).then(() => true));
          if (!gone) return "absent";
          await orUndefined(syncDirectory(dirname(target)));
          await removeEmpty(dirname(target), this.#settings.root);
          return "deleted";
        },
      },
      signal,
    );
  }

  listUnfinished(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<UnfinishedUpload> {
    return listTemporaries(this.#place, prefix, signal);
  }

  async abandon({ key, uploadId }: UnfinishedUpload, signal: AbortSignal): Promise<void> {
    if (!isUploadId(uploadId)) return;
    await this.#do(
      {
        verb: "abandon",
        key,
        run: async (target) => {
          await orUndefined(unlink(temporaryOf(target, uploadId)));
          await removeEmpty(dirname(target), this.#settings.root);
        },
      },
      signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  get #place() {
    return { disk: this.#disk, root: this.#settings.root, url: (key: ObjectKey) => this.url(key) };
  }

  #file(key: ObjectKey): string {
    return fileOf(this.#settings.root, key);
  }

  #uploadId(): string {
    return `${this.#settings.clock.now()}-${randomBytes(6).toString("hex")}`;
  }

  async #begin(target: string, { url, expectedSize }: { url: string; expectedSize: number }): Promise<TemporaryFile> {
    const file = await createTemporary(target, this.#uploadId());
    try {
      await this.#reserve(file, { url, bytes: expectedSize });
      return file;
    } catch (error) {
      await this.#discard(file);
      throw error;
    }
  }

  async #reserve(file: TemporaryFile, { url, bytes }: { url: string; bytes: number }): Promise<void> {
    await refuseBelow(this.#settings.minFree, { path: dirname(file.path), url, bytes });
  }

  async #discard(file: TemporaryFile): Promise<void> {
    await discard(file);
    await removeEmpty(dirname(file.target), this.#settings.root);
  }

  async #present(key: ObjectKey, target: string): Promise<StoredObject> {
    const object = await describe(key, target);
    if (object) return object;
    throw new BackupError("STORE_UNAVAILABLE", `Cannot find "${this.url(key)}" again right after it was written`, {
      hint: "Find out who else deletes from this directory",
    });
  }

  async #do<T>({ verb, key, run }: Operation<T>, signal: AbortSignal): Promise<T> {
    const target = this.#file(key);
    return await this.#disk.do({ verb, target: this.url(key), run: () => run(target) }, signal);
  }
}
