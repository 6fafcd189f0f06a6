import { compileWell } from "../../app/compile-well.ts";
import { BackupError } from "../../errors.ts";
import { type Drill, drill as makeDrill } from "../../restore/drill-newest.ts";
import { formatDuration } from "../format.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

export interface DrillFlags {
  readonly etcd?: string;
  readonly etcdutl?: string;
}

/** `drill`: restores a snapshot into nowhere and starts a stock etcd on it. Fails with 15 unless it has all of it. */
export async function drill(session: Session, name: string | undefined, flags: DrillFlags): Promise<void> {
  compileWell();
  const { app, config, terminal, format } = session;
  const programs = { etcd: flags.etcd ?? config.drill.etcd, etcdutl: flags.etcdutl ?? config.drill.etcdutl };
  const { destinations, telemetry } = app.context;
  const request = { destinations, name, telemetry, programs: named(programs) };
  const made = await makeDrill(app.drill, request, terminal.signal);
  printResult(terminal, { format, data: toData(made), text: () => toText(made) });
  const [finding] = made.findings;
  if (finding === undefined) return;
  throw new BackupError("SNAPSHOT_CORRUPT", `Cannot restore "${made.snapshot}" as it was: ${finding}`, {
    hint: "Take a new snapshot with `etcd-ark save`, and drill an older one: `etcd-ark drill NAME`",
  });
}

/** An empty key of the configuration names nothing. */
export function named({ etcd, etcdutl }: { readonly etcd: string; readonly etcdutl: string }) {
  return { etcd: etcd || undefined, etcdutl: etcdutl || undefined };
}

function toData({ result, ...drilled }: Drill) {
  const { tool, server, timeToRestoreMs, inspection } = result ?? {};
  return {
    ...drilled,
    restored: result !== undefined,
    ...(result && { tool, server, timeToRestoreMs }),
    ...(inspection && {
      revision: String(inspection.revision),
      liveKeys: inspection.liveKeys,
      hashKv: inspection.hashKv,
    }),
  };
}

function toText({ snapshot, store, passed, findings, result, record }: Drill): string {
  const how = result ? "drill" : "no etcd to start, so verified only";
  const { inspection, server, timeToRestoreMs = 0 } = result ?? {};
  return [
    `${snapshot}: ${passed ? "passed" : "FAILED"} (${how})`,
    `  ${record || store}`,
    ...(server
      ? [`  etcd ${server.version} answered ${formatDuration(timeToRestoreMs)} after the first byte was fetched`]
      : []),
    ...(passed && inspection
      ? [`  revision ${inspection.revision}, ${inspection.liveKeys} keys, HashKV ${inspection.hashKv}`]
      : []),
    ...findings.map((finding) => `  ${finding}`),
    "",
  ].join("\n");
}
