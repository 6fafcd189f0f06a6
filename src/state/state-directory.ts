import { accessSync, constants } from "node:fs";

/** Of the service, as `StateDirectory=` in the unit has it made. */
const SERVICE = "/var/lib/etcd-ark";

/**
 * Where this node remembers: `$STATE_DIRECTORY`, or the service's for a command at a shell that may write there, so that
 * `adopt` changes what the service remembers. Empty when there is none.
 */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>>, service = SERVICE): string {
  return environment["STATE_DIRECTORY"] ?? (isWritable(service) ? service : "");
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
