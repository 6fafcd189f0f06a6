/** How far to run ahead of whoever consumes, and how to load one item. */
export interface LoadAhead<In, Out> {
  /** Items that are begun and not yet done with, the one in the consumer's hands among them. */
  readonly ahead: number;
  load(item: In, signal: AbortSignal): Promise<Out>;
}

/**
 * Loads items side by side and yields what came of them strictly in their order. The first failure, in that order, is
 * thrown. A consumer that stops early aborts what is under way, and is let go once that has ended.
 */
export async function* loadAhead<In, Out>(
  items: Iterable<In>,
  { ahead, load }: LoadAhead<In, Out>,
  signal: AbortSignal,
): AsyncGenerator<Out, void, void> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const iterator = items[Symbol.iterator]();
  const begun: Promise<Out>[] = [];
  const begin = (): void => {
    while (begun.length < ahead) {
      const next = iterator.next();
      if (next.done) return;
      const loading = load(next.value, either);
      // Awaited in its turn; until then its failure must not count as unhandled.
      loading.catch(() => undefined);
      begun.push(loading);
    }
  };
  try {
    for (begin(); begun[0] !== undefined; begin()) {
      yield await begun[0];
      signal.throwIfAborted();
      begun.splice(0, 1);
    }
  } finally {
    stopped.abort();
    await Promise.allSettled(begun);
  }
}
