import { BackupError } from "../errors.ts";
import type { ObjectWriter, StoredObject, WrittenObject } from "../ports/object-store.ts";
import type { Disk, DiskWork } from "./disk.ts";
import { publish, type TemporaryFile, writeAll } from "./files.ts";

/** Bytes that may wait for the disk before the caller has to. */
const READ_AHEAD = 4 * 2 ** 20;
/** Bytes after which what was written is sent to the disk: one great flush at the end would stall etcd on the same disk. */
const FLUSH_EVERY = 32 * 2 ** 20;
/** Bytes after which free space is looked at again, since others write as well. */
const CHECK_EVERY = 64 * 2 ** 20;
const NEVER = new AbortController().signal;

export interface DirectoryWriterOptions {
  readonly disk: Disk;
  readonly file: TemporaryFile;
  readonly url: string;
  readonly signal: AbortSignal;
  /** Rejects with `STORE_FULL` when `bytes` more would leave too little space. */
  reserve(bytes: number): Promise<void>;
  /** Removes the temporary file. Never rejects. */
  discard(): Promise<void>;
  /** The object as it is in the directory now. */
  describe(): Promise<StoredObject | undefined>;
}

/** Writes a temporary file beside its caller, and gives it its name at the end. */
export class DirectoryWriter implements ObjectWriter {
  readonly #options: DirectoryWriterOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #pump: Promise<void> | undefined;
  #room = Promise.withResolvers<void>();
  #failure: { readonly error: unknown } | undefined;
  #flush: Promise<void> | undefined;
  #written = 0;
  #flushedAt = 0;
  #checkAt = CHECK_EVERY;
  #expected = 0;
  #finished = false;
  #mayExist = false;

  constructor(options: DirectoryWriterOptions) {
    this.#options = options;
  }

  get mayExist(): boolean {
    return this.#mayExist;
  }

  get doneWith(): number {
    return this.#written;
  }

  expect(size: number): void {
    this.#expected = size;
    this.#checkAt = 0;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (this.#options.signal.aborted) return Promise.reject(this.#options.signal.reason);
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.byteLength;
    this.#pump ??= this.#run();
    return this.#waitingBytes > READ_AHEAD ? this.#room.promise.then(() => this.#check()) : undefined;
  }

  async complete(): Promise<WrittenObject> {
    const { disk, signal, file, url } = this.#options;
    await this.#pump;
    this.#check();
    await disk.do(
      this.#work("write", () => this.#settle()),
      signal,
    );
    this.#mayExist = true;
    // Not to be aborted half-way: the name is there or it is not.
    const published = await disk.do(
      this.#work("create", () => publish(file)),
      NEVER,
    );
    this.#finished = published;
    if (!published) {
      throw new BackupError("STORE_CONFLICT", `Cannot create "${url}": another object is there`, {
        hint: "Find out who else writes to this directory",
      });
    }
    const object = await disk.do(
      this.#work("read", () => this.#options.describe()),
      NEVER,
    );
    if (object?.size === this.#written) return { ...object, parts: 1 };
    throw new BackupError("STORE_UNAVAILABLE", `Cannot find "${url}" again with the ${this.#written} bytes written`, {
      hint: "Find out who else writes to this directory; see with `dmesg` whether the disk is sound",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure ??= { error: new BackupError("STORE_UNAVAILABLE", `Cannot write "${this.#options.url}": given up`) };
    this.#waiting = [];
    const discarding = this.#work("remove", () => this.#options.discard());
    // What a hanging disk keeps is found by `listUnfinished` later.
    await this.#options.disk.do(discarding, NEVER).catch(() => undefined);
  }

  /** Writes until nothing waits. Never rejects: the failure is kept for whoever asks next. */
  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#writeWaiting();
    } catch (error) {
      this.#failure ??= { error };
      this.#waiting = [];
    }
    this.#pump = undefined;
    this.#makeRoom();
  }

  async #writeWaiting(): Promise<void> {
    const { disk, file, signal } = this.#options;
    if (this.#written >= this.#checkAt) await this.#reserve();
    const batch = this.#waiting;
    const bytes = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#makeRoom();
    await disk.do(
      this.#work("write", () => writeAll(file.handle, batch)),
      signal,
    );
    this.#written += bytes;
    this.#flushBeside();
  }

  async #reserve(): Promise<void> {
    await this.#options.reserve(Math.max(0, this.#expected - this.#written));
    this.#checkAt = this.#written + CHECK_EVERY;
  }

  #flushBeside(): void {
    if (this.#flush || this.#written - this.#flushedAt < FLUSH_EVERY) return;
    this.#flushedAt = this.#written;
    const { disk, file, signal } = this.#options;
    this.#flush = disk
      .do(
        this.#work("write", () => file.handle.datasync()),
        signal,
      )
      .then(
        () => {
          this.#flush = undefined;
        },
        (error: unknown) => {
          this.#failure ??= { error };
        },
      );
  }

  async #settle(): Promise<void> {
    await this.#flush;
    this.#check();
    await this.#options.file.handle.sync();
    await this.#options.file.handle.close();
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }

  #work<T>(verb: string, run: () => Promise<T>): DiskWork<T> {
    return { verb, target: this.#options.url, run };
  }
}
