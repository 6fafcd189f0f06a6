import { type FileHandle, mkdir, statfs } from "node:fs/promises";
import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Spool, SpoolQueue } from "../ports/spool.ts";
import { Disk, type DiskWork } from "./disk.ts";
import { openUnlinked } from "./unlinked.ts";

const NEVER = new AbortController().signal;

/** A spool without a bound of its own leaves this share of the file system free: the kubelet evicts pods at 15 %. */
const SHARE_LEFT_FREE = 0.2;

export interface SpoolOptions {
  /** Directory; empty for no spool. */
  readonly path: string;
  /** Bytes; 0 for as much as leaves a fifth of the file system free. */
  readonly maxSize: number;
  readonly clock: Clock;
}

/** A spool in unlinked files of mode 0600, which vanish with the process however it ends. None for `none` or no path. */
export function createSpool({ path, maxSize, clock }: SpoolOptions): Spool | undefined {
  if (path === "" || path === "none") return undefined;
  const disk = new Disk(clock);
  return {
    open: async (signal) => {
      const begun = await disk.do<OpenFile>(
        {
          verb: "spool into",
          target: path,
          run: () => openFile(path, maxSize),
          undo: ({ handle }) => handle.close(),
        },
        signal,
      );
      return new FileQueue({ ...begun, disk, path });
    },
  };
}

interface OpenFile {
  readonly handle: FileHandle;
  /** Bytes. */
  readonly capacity: number;
}

async function openFile(directory: string, maxSize: number): Promise<OpenFile> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const capacity = maxSize || (await spareBytes(directory));
  return { handle: await openUnlinked(directory, "spool"), capacity };
}

async function spareBytes(path: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(path);
  return Math.max(0, Math.floor((bavail - blocks * SHARE_LEFT_FREE) * bsize));
}

interface QueueFile extends OpenFile {
  readonly disk: Disk;
  readonly path: string;
}

/** A ring in a file: offsets only grow, and a byte lies at its offset modulo the capacity. */
class FileQueue implements SpoolQueue {
  readonly #file: QueueFile;
  #start = 0;
  #end = 0;
  #appending = false;

  constructor(file: QueueFile) {
    this.#file = file;
  }

  get size(): number {
    return this.#end - this.#start;
  }

  get room(): number {
    return this.#file.capacity - this.size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength > this.room) {
      throw new BackupError(
        "STORE_FULL",
        `Cannot spool into "${this.#file.path}": all ${this.#file.capacity} bytes are in use`,
      );
    }
    this.#appending = true;
    try {
      await this.#file.disk.do(
        this.#work(() => this.#write(chunk)),
        NEVER,
      );
      this.#end += chunk.byteLength;
    } finally {
      this.#appending = false;
    }
  }

  async take(limit: number): Promise<Uint8Array> {
    const at = this.#start % Math.max(1, this.#file.capacity);
    const length = Math.min(limit, this.size, this.#file.capacity - at);
    const chunk = await this.#file.disk.do(
      this.#work(() => this.#read(at, length)),
      NEVER,
    );
    this.#start += length;
    // Begun anew at the front, so that a small backlog does not walk through the whole capacity.
    if (this.size === 0 && !this.#appending) this.#start = this.#end = 0;
    return chunk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.disk
      .do(
        this.#work(() => this.#file.handle.close()),
        NEVER,
      )
      .catch(() => undefined);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const { handle, capacity } = this.#file;
    for (let done = 0; done < chunk.byteLength; ) {
      const at = (this.#end + done) % capacity;
      const length = Math.min(chunk.byteLength - done, capacity - at);
      done += (await handle.write(chunk, done, length, at)).bytesWritten;
    }
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.handle.read(buffer, done, length - done, position + done);
      if (bytesRead === 0) throw new Error("the file is shorter than what was written to it");
      done += bytesRead;
    }
    return buffer;
  }

  #work<T>(run: () => Promise<T>): DiskWork<T> {
    return { verb: "spool into", target: this.#file.path, run };
  }
}
