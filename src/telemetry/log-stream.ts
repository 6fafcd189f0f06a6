/** Where lines go, synchronously as far as it can: `process.stderr`, or whatever a test hands in. */
export interface LogStream {
  write(line: string): unknown;
  on?(event: "error", listener: (error: Error) => void): unknown;
}

/**
 * The stream as a log may use it: one whose reader has gone (EPIPE), or that fails in any other way, loses lines and
 * never the daemon.
 */
export function neverFailing(stream: LogStream): LogStream {
  stream.on?.("error", () => {});
  return {
    write: (line) => {
      try {
        stream.write(line);
      } catch {
        // There is nowhere left to say it.
      }
    },
  };
}
