import { BackupError } from "../errors.ts";
import type { ObjectWriter } from "../ports/object-store.ts";

/** Bytes that a secondary writer may be behind before it is given up: two parts of the usual size. */
const BEHIND_LIMIT_BYTES = 16 * 1024 * 1024;

/** One stream into several writers. */
export interface FanOut {
  /** Hands the bytes to every writer that is still alive; rejects when none is. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Resolves when `writer` has taken every byte, or rejects with what it failed with. */
  drained(writer: ObjectWriter): Promise<void>;
}

/**
 * Fans a stream out. The first writer that is alive sets the pace; the others (a directory beside S3) never hold
 * it: one that falls too far behind is given up. A writer that fails is left out and does not stop the others.
 */
export function fanOut(writers: readonly ObjectWriter[]): FanOut {
  const branches = writers.map((writer) => new Branch(writer));
  return {
    write: (chunk) => {
      const leader = branches.find((branch) => !branch.failed);
      for (const branch of branches) branch.write(chunk, branch === leader);
      return leader ? leader.pending : branches[0]?.drained();
    },
    drained: async (writer) => {
      await branches.find((branch) => branch.writer === writer)?.drained();
    },
  };
}

class Branch {
  readonly writer: ObjectWriter;
  /** What has to happen before the next chunk can be written; it never rejects. */
  #queue: Promise<void> | undefined;
  #behind = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(writer: ObjectWriter) {
    this.writer = writer;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  get pending(): Promise<void> | undefined {
    return this.#queue;
  }

  write(chunk: Uint8Array, leads: boolean): void {
    if (this.#failure) return;
    if (this.#queue === undefined) this.#writeNow(chunk);
    else if (leads || this.#behind + chunk.length <= BEHIND_LIMIT_BYTES) this.#writeLater(chunk, this.#queue);
    else this.#failure = { error: tooSlow() };
  }

  async drained(): Promise<void> {
    await this.#queue;
    if (this.#failure) throw this.#failure.error;
  }

  #writeNow(chunk: Uint8Array): void {
    try {
      const wait = this.writer.write(chunk);
      if (wait !== undefined) this.#follow(wait);
    } catch (error) {
      this.#failure = { error };
    }
  }

  #writeLater(chunk: Uint8Array, queue: Promise<void>): void {
    this.#behind += chunk.length;
    this.#follow(
      queue.then(async () => {
        this.#behind -= chunk.length;
        if (!this.#failure) await this.writer.write(chunk);
      }),
    );
  }

  #follow(wait: Promise<void>): void {
    const queue = wait.then(
      () => {
        if (this.#queue === queue) this.#queue = undefined;
      },
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    this.#queue = queue;
  }
}

function tooSlow(): BackupError {
  return new BackupError("STORE_UNAVAILABLE", "Cannot keep up: this copy fell too far behind the stream", {
    hint: "Put the directory on a faster disk; the other copy is not affected",
  });
}
