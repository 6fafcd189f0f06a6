import type { Telemetry } from "../../src/ports/telemetry.ts";

export interface RecordedEvent {
  readonly event: keyof Telemetry;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at the fields of whatever event they expect
  readonly fields: any;
}

/** Keeps every event, for tests that look at what operators are told. */
export class TelemetryRecorder implements Telemetry {
  readonly events: RecordedEvent[] = [];

  of(event: keyof Telemetry): RecordedEvent["fields"][] {
    return this.events.filter((each) => each.event === event).map(({ fields }) => fields);
  }

  daemonStarted = this.#record("daemonStarted");
  scheduleNext = this.#record("scheduleNext");
  backupStarted = this.#record("backupStarted");
  backupFinished = this.#record("backupFinished");
  backupFailed = this.#record("backupFailed");
  backupSkipped = this.#record("backupSkipped");
  pruneFinished = this.#record("pruneFinished");
  drillFinished = this.#record("drillFinished");
  verifyFinished = this.#record("verifyFinished");
  credentialsChanged = this.#record("credentialsChanged");
  credentialsRejected = this.#record("credentialsRejected");
  sweepFinished = this.#record("sweepFinished");
  historySuspect = this.#record("historySuspect");
  daemonStopping = this.#record("daemonStopping");
  warning = (message: string, fields: Readonly<Record<string, unknown>>): void => {
    this.events.push({ event: "warning", fields: { message, ...fields } });
  };

  #record(event: keyof Telemetry) {
    return (fields: unknown): void => {
      this.events.push({ event, fields });
    };
  }
}
