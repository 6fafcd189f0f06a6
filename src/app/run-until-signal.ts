import { BackupError } from "../errors.ts";

const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A signal that aborts on the first SIGINT or SIGTERM, with a `BackupError` of code `INTERRUPTED`. A second one
 * ends the process at once: whoever sends it does not want to wait.
 */
export function untilSignal(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = (name: keyof typeof SIGNAL_STATUS): void => {
    if (controller.signal.aborted) process.exit(SIGNAL_STATUS[name]);
    controller.abort(new BackupError("INTERRUPTED", `Cannot finish: interrupted by ${name}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
