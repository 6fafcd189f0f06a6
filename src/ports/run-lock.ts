/** Keeps two processes of one node from working on one cluster's folder at the same time. */
export interface RunLock {
  /**
   * Takes the lock `name` of this machine, or waits for it up to `waitMs`. SIGKILL frees it. Rejects with
   * `ALREADY_RUNNING` when another process holds it to the end of the wait.
   */
  acquire(name: string, waitMs: number, signal: AbortSignal): Promise<AsyncDisposable>;
}
