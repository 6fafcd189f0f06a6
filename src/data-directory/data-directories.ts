import type { Clock } from "../ports/clock.ts";
import type { DataDirectories } from "../ports/data-directory.ts";
import { lookAt } from "./place.ts";
import { createWorkspace, finish, removeLeftovers, removeUnfinished } from "./workspace.ts";

/** The data directories of this machine. */
export function createDataDirectories({ clock }: { readonly clock: Clock }): DataDirectories {
  return {
    look: lookAt,
    workspaceBeside: createWorkspace,
    finish,
    removeUnfinished,
    removeLeftovers: (place) => removeLeftovers(place, clock.now()),
  };
}
