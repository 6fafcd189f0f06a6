import { type Adoption, adoptFolder } from "../../backup/adopt.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

/** `adopt`: this etcd cluster owns the folder from now on, on a new timeline. */
export async function adopt({ app, terminal, format }: Session): Promise<void> {
  const adoptions: (Adoption & { store: string })[] = [];
  for (const destination of app.context.destinations) {
    const adoption = await adoptFolder(app.context, destination, terminal.signal);
    adoptions.push({ store: destination.store.url(""), ...adoption });
  }
  printResult(terminal, { format, data: adoptions, text: () => adoptions.map(describe).join("") });
}

function describe({ store, clusterId, timeline, changed }: Adoption & { store: string }): string {
  return changed
    ? `${store}: adopted for etcd cluster ${clusterId}, timeline ${timeline}\n`
    : `${store}: belongs to etcd cluster ${clusterId} already, timeline ${timeline}\n`;
}
