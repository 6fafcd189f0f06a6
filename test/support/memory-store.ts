import { BackupError } from "../../src/errors.ts";
import type { ObjectKey } from "../../src/model/layout.ts";
import type { Instant } from "../../src/model/time.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type {
  ByteRange,
  CreateOutcome,
  DeleteOutcome,
  ObjectLock,
  ObjectStore,
  ObjectWriter,
  StoredObject,
  UnfinishedUpload,
  WriteOptions,
  WrittenObject,
} from "../../src/ports/object-store.ts";

/** The methods that can be told to fail; `write` and `complete` are those of the writers. */
export type StoreMethod =
  | "open"
  | "write"
  | "complete"
  | "create"
  | "replace"
  | "get"
  | "read"
  | "head"
  | "list"
  | "listFolders"
  | "delete"
  | "listUnfinished"
  | "abandon";

export interface StoreCall {
  readonly method: StoreMethod;
  readonly key: ObjectKey;
}

export interface Fault {
  readonly method: StoreMethod;
  readonly error: BackupError;
  /** Only calls whose key matches count. */
  readonly key?: RegExp;
  /** The first such call that fails, counted from 1 and from now. */
  readonly nth?: number;
  /** How many fail from there on. */
  readonly times?: number;
  /** Fail once the work is done, as when the response got lost. */
  readonly afterwards?: boolean;
}

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly id?: string;
  /** Keep what is deleted behind a delete marker, as a versioned bucket does. */
  readonly versioned?: boolean;
  /** Lock each object that a writer completes for so many milliseconds, as a bucket's default retention does. */
  readonly lockForMs?: number;
}

interface Entry {
  readonly body: Uint8Array;
  readonly object: StoredObject;
}

interface ArmedFault extends Fault {
  seen: number;
}

/** `ObjectStore` in memory. It lives on when disposed of, so that the next run finds what the last one left. */
export class MemoryStore implements ObjectStore {
  readonly kind = "memory";
  readonly id: string;
  /** Every call since the start, in order. */
  readonly calls: StoreCall[] = [];
  /** Makes writers slow: the promise that it returns for a chunk is what `write` makes its caller wait for. */
  onWrite: ((chunk: Uint8Array, key: ObjectKey) => Promise<void> | undefined) | undefined;
  /** How often it was disposed of. */
  disposed = 0;
  readonly #options: MemoryStoreOptions;
  readonly #entries = new Map<ObjectKey, Entry>();
  readonly #hidden: Entry[] = [];
  readonly #uploads = new Map<string, UnfinishedUpload>();
  readonly #faults = new Set<ArmedFault>();
  #counter = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.id = options.id ?? "memory";
  }

  // What tests set up and look at.

  /** Every key there is, in order. */
  get keys(): ObjectKey[] {
    return [...this.#entries.keys()].sort();
  }

  /** Versions behind delete markers: deleted, and still paid for. */
  get hidden(): StoredObject[] {
    return this.#hidden.map((entry) => entry.object);
  }

  get unfinished(): UnfinishedUpload[] {
    return [...this.#uploads.values()];
  }

  /** Lets calls fail from now on; dispose of the result to end that. */
  fail(fault: Fault): Disposable {
    const armed = { ...fault, seen: 0 };
    this.#faults.add(armed);
    return { [Symbol.dispose]: () => this.#faults.delete(armed) };
  }

  /** Puts an object there, past every check. */
  put(key: ObjectKey, body: Uint8Array | string, more: Partial<StoredObject> = {}): StoredObject {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : Uint8Array.from(body);
    this.#counter += 1;
    const object = {
      key,
      size: bytes.byteLength,
      storedAt: this.#options.clock.now(),
      etag: `"${this.#counter}"`,
      ...(this.#options.versioned ? { versionId: `v${this.#counter}` } : {}),
      ...more,
    };
    this.#entries.set(key, { body: bytes, object });
    return object;
  }

  /** The bytes under `key`, or `undefined`. */
  peek(key: ObjectKey): Uint8Array | undefined {
    return this.#entries.get(key)?.body;
  }

  /** The text under `key`, or `undefined`. */
  text(key: ObjectKey): string | undefined {
    const body = this.peek(key);
    return body && new TextDecoder().decode(body);
  }

  /** Takes an object away, past every check. */
  lose(key: ObjectKey): void {
    this.#entries.delete(key);
  }

  lock(key: ObjectKey, lock: ObjectLock): void {
    const entry = this.#entries.get(key);
    if (entry) this.#entries.set(key, { ...entry, object: { ...entry.object, lock } });
  }

  /** Leaves an upload behind, as a killed process does. */
  leaveUnfinished(key: ObjectKey, startedAt: Instant = this.#options.clock.now()): UnfinishedUpload {
    this.#counter += 1;
    const upload = { key, uploadId: `upload-${this.#counter}`, startedAt };
    this.#uploads.set(upload.uploadId, upload);
    return upload;
  }

  // The port.

  url(key: ObjectKey): string {
    return `memory://${this.id}/${key}`;
  }

  fullKey(key: ObjectKey): string {
    return key;
  }

  trouble(): BackupError | undefined {
    return undefined;
  }

  now(): Instant {
    return this.#options.clock.now();
  }

  open(key: ObjectKey, options: WriteOptions, signal: AbortSignal): Promise<ObjectWriter> {
    return this.#call("open", key, signal, () => {
      const upload = this.leaveUnfinished(key);
      return new MemoryWriter({
        signal,
        write: (chunk) => {
          this.#begin("write", key);
          return this.onWrite?.(chunk, key);
        },
        complete: (body, onAsked) =>
          this.#call("complete", key, signal, () => {
            onAsked();
            return this.#complete(upload, body, options);
          }),
        drop: () => this.#uploads.delete(upload.uploadId),
      });
    });
  }

  create(
    key: ObjectKey,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ outcome: CreateOutcome; object: StoredObject }> {
    return this.#call("create", key, signal, () => {
      const there = this.#entries.get(key);
      if (!there) return { outcome: "created", object: this.put(key, body) };
      if (Buffer.compare(there.body, body) === 0) return { outcome: "identical", object: there.object };
      throw this.#conflict(key);
    });
  }

  replace(key: ObjectKey, body: Uint8Array, signal: AbortSignal): Promise<StoredObject> {
    return this.#call("replace", key, signal, () => this.put(key, body));
  }

  get(key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#call("get", key, signal, () => this.peek(key)?.slice());
  }

  async *read(key: ObjectKey, range: ByteRange | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const body = await this.#call("read", key, signal, () => this.peek(key));
    if (!body) throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot read "${this.url(key)}": there is no such object`);
    const wanted = range ? body.subarray(range.start, range.end + 1) : body;
    for (let at = 0; at < wanted.byteLength; at += 65_536) {
      signal.throwIfAborted();
      yield wanted.slice(at, at + 65_536);
    }
  }

  head(key: ObjectKey, signal: AbortSignal): Promise<StoredObject | undefined> {
    return this.#call("head", key, signal, () => this.#entries.get(key)?.object);
  }

  async *list(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<StoredObject> {
    const keys = await this.#call("list", prefix, signal, () => this.keys.filter((key) => key.startsWith(prefix)));
    for (const key of keys) {
      signal.throwIfAborted();
      const entry = this.#entries.get(key);
      if (!entry) continue;
      const { metadata: _, lock: __, ...listed } = entry.object;
      yield listed;
    }
  }

  async *listFolders(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<string> {
    const below = await this.#call("listFolders", prefix, signal, () =>
      this.keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length)),
    );
    yield* new Set(below.filter((key) => key.includes("/")).map((key) => key.slice(0, key.indexOf("/"))));
  }

  delete(key: ObjectKey, signal: AbortSignal): Promise<DeleteOutcome> {
    return this.#call("delete", key, signal, () => {
      const entry = this.#entries.get(key);
      if (!entry) return "absent";
      if (entry.object.lock && entry.object.lock.until > this.#options.clock.now()) return "locked";
      this.#entries.delete(key);
      if (!this.#options.versioned) return "deleted";
      this.#hidden.push(entry);
      return "versionKept";
    });
  }

  async *listUnfinished(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<UnfinishedUpload> {
    yield* await this.#call("listUnfinished", prefix, signal, () =>
      this.unfinished.filter((upload) => upload.key.startsWith(prefix)),
    );
  }

  abandon(upload: UnfinishedUpload, signal: AbortSignal): Promise<void> {
    return this.#call("abandon", upload.key, signal, () => {
      this.#uploads.delete(upload.uploadId);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed += 1;
  }

  #complete(upload: UnfinishedUpload, body: Uint8Array, { metadata }: WriteOptions): WrittenObject {
    if (this.#entries.has(upload.key)) throw this.#conflict(upload.key);
    this.#uploads.delete(upload.uploadId);
    const names = Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]);
    const until = this.#options.clock.now() + (this.#options.lockForMs ?? 0);
    const object = this.put(upload.key, body, {
      metadata: Object.fromEntries(names),
      ...(this.#options.lockForMs ? { lock: { mode: "GOVERNANCE", until } } : {}),
    });
    return { ...object, parts: 1 };
  }

  #conflict(key: ObjectKey): BackupError {
    return new BackupError("STORE_CONFLICT", `Cannot create "${this.url(key)}": another object is there`);
  }

  async #call<T>(method: StoreMethod, key: ObjectKey, signal: AbortSignal, work: () => T): Promise<T> {
    signal.throwIfAborted();
    const afterwards = this.#begin(method, key);
    const result = work();
    if (afterwards) throw afterwards;
    return result;
  }

  /** Records the call; throws the fault that is due, or returns the one that is due afterwards. */
  #begin(method: StoreMethod, key: ObjectKey): BackupError | undefined {
    this.calls.push({ method, key });
    for (const fault of this.#faults) {
      if (fault.method !== method || !(fault.key ?? /^/).test(key)) continue;
      fault.seen += 1;
      const nth = fault.nth ?? 1;
      if (fault.seen < nth || fault.seen >= nth + (fault.times ?? 1)) continue;
      if (fault.afterwards) return fault.error;
      throw fault.error;
    }
    return undefined;
  }
}

interface WriterHooks {
  readonly signal: AbortSignal;
  write(chunk: Uint8Array): Promise<void> | undefined;
  complete(body: Uint8Array, onAsked: () => void): Promise<WrittenObject>;
  drop(): void;
}

class MemoryWriter implements ObjectWriter {
  readonly #hooks: WriterHooks;
  readonly #chunks: Uint8Array[] = [];
  /** What `expect` was told, for tests that look. */
  expected: number | undefined;
  mayExist = false;

  constructor(hooks: WriterHooks) {
    this.#hooks = hooks;
  }

  expect(size: number): void {
    this.expected = size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    try {
      this.#hooks.signal.throwIfAborted();
      this.#chunks.push(chunk);
      const wait = this.#hooks.write(chunk);
      return wait && untilAborted(wait, this.#hooks.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  complete(): Promise<WrittenObject> {
    return this.#hooks.complete(Buffer.concat(this.#chunks), () => {
      this.mayExist = true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hooks.drop();
  }
}

async function untilAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([wait, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
