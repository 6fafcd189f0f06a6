import { setFlagsFromString } from "node:v8";

/**
 * Lets V8 compile as well as it can, which `bin/etcd-ark` forbids for the daemon's memory. Reading a snapshot through is
 * arithmetic for seconds, and takes three quarters of the time with it.
 */
export function compileWell(): void {
  setFlagsFromString("--opt");
}
