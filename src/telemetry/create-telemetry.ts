import { type Level, type Logger, pino } from "pino";
import type { Telemetry } from "../ports/telemetry.ts";
import { type LogStream, neverFailing } from "./log-stream.ts";
import { loggable } from "./loggable.ts";
import { prettyStream } from "./pretty-stream.ts";

export interface TelemetryOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  /** `json`: one JSON object a line. `pretty`: one line to read on a terminal. */
  readonly format: "json" | "pretty";
  readonly stream: LogStream;
  /** Stands in every line. */
  readonly context: { readonly cluster: string; readonly node: string };
  /** Of `pretty` only; off by default. */
  readonly colour?: boolean;
}

/** Telemetry that writes one line for each event. Resolves once pino-pretty is there, if it is wanted. */
export async function createTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const stream = neverFailing(options.stream);
  const { cluster, node } = options.context;
  const logger = pino(
    {
      level: options.level,
      base: { cluster, node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      // pino would make its own thing of an error that loggable() has made plain.
      serializers: { err: (error) => error },
    },
    options.format === "pretty" ? await prettyStream(stream, options.colour ?? false) : stream,
  );
  return eventsTo((event, entry) => write(logger, event, entry));
}

interface Entry {
  readonly level: Level;
  /** Constant for each event, so that alerts group by it. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Emit = (event: string, entry: Entry) => void;

function write(logger: Logger, event: string, { level, message, fields }: Entry): void {
  if (!logger.isLevelEnabled(level)) return;
  const { error, ...rest } = fields;
  logger[level]({ event, ...loggable(error === undefined ? rest : { ...rest, err: error }) }, message);
}

function eventsTo(emit: Emit): Telemetry {
  return { ...daemonEvents(emit), ...backupEvents(emit), ...storeEvents(emit), ...credentialsEvents(emit) };
}

function daemonEvents(emit: Emit): Pick<Telemetry, "daemonStarted" | "daemonStopping" | "scheduleNext" | "warning"> {
  return {
    daemonStarted: (fields) => emit("daemon.started", { level: "info", message: "Daemon started", fields }),
    daemonStopping: (fields) => emit("daemon.stopping", { level: "info", message: "Daemon stopping", fields }),
    scheduleNext: (fields) => emit("schedule.next", { level: "info", message: "Next backup scheduled", fields }),
    warning: (message, fields) => emit("warning", { level: "warn", message, fields }),
  };
}

function backupEvents(
  emit: Emit,
): Pick<Telemetry, "backupStarted" | "backupFinished" | "backupFailed" | "backupSkipped"> {
  return {
    backupStarted: (fields) => emit("backup.started", { level: "info", message: "Backup started", fields }),
    backupFinished: ({ store, manifest, durationMs }) => {
      const { name, revision, storedSize, tick, linearized, memberName } = manifest;
      const fields = { snapshot: name, revision, bytes: storedSize, durationMs, store, tick, linearized };
      emit("backup.finished", { level: "info", message: "Backup finished", fields: { ...fields, member: memberName } });
    },
    backupFailed: (fields) =>
      emit("backup.failed", { level: "error", message: "Backup failed", fields: { ...fields } }),
    backupSkipped: (fields) => emit("backup.skipped", { level: "warn", message: "Backup skipped", fields }),
  };
}

function storeEvents(
  emit: Emit,
): Pick<Telemetry, "pruneFinished" | "sweepFinished" | "historySuspect" | "verifyFinished" | "drillFinished"> {
  return {
    drillFinished: (fields) => {
      const message = fields.passed ? "Restore drill passed" : "Restore drill failed";
      emit("drill.finished", { level: fields.passed ? "info" : "error", message, fields: { ...fields } });
    },
    verifyFinished: (fields) => {
      const message = fields.passed ? "Snapshot verified" : "Snapshot is corrupt";
      emit("verify.finished", { level: fields.passed ? "info" : "error", message, fields: { ...fields } });
    },
    pruneFinished: (fields) => {
      const isWhole = fields.frozen.length === 0 && Object.keys(fields.left).length === 0;
      const level = isWhole ? "info" : "warn";
      emit("prune.finished", { level, message: "Prune finished", fields: { ...fields } });
    },
    sweepFinished: (fields) =>
      emit("sweep.finished", { level: "info", message: "Sweep finished", fields: { ...fields } }),
    historySuspect: (fields) =>
      emit("history.suspect", { level: "warn", message: "History looks wrong: pruning is frozen", fields }),
  };
}

function credentialsEvents(emit: Emit): Pick<Telemetry, "credentialsChanged" | "credentialsRejected"> {
  return {
    credentialsChanged: (fields) =>
      emit("credentials.changed", { level: "info", message: "Credentials changed", fields: { ...fields } }),
    credentialsRejected: (fields) =>
      emit("credentials.rejected", { level: "warn", message: "Credentials rejected", fields }),
  };
}
