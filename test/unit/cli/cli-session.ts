import { tmpdir } from "node:os";
import type { App } from "../../../src/app/app.ts";
import { createDrillContext } from "../../../src/app/drill.ts";
import type { Session } from "../../../src/cli/session.ts";
import { Config } from "../../../src/config/schema.ts";
import { createTicker } from "../../../src/schedule/ticker.ts";
import { type BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { verifyContextOf } from "../verify/verify-lab.ts";

/** A session on memory, and what its command has printed. */
export interface TestSession extends Session {
  readonly printed: { stdout: string; stderr: string };
}

export function sessionOf(lab: BackupLab): TestSession {
  const config = Config.parse({ cluster: CLUSTER, retention: { last: 1 } });
  const printed = { stdout: "", stderr: "" };
  const output = (name: keyof typeof printed) => ({
    isTTY: false,
    columns: 80,
    write: (text: string): void => {
      printed[name] += text;
    },
  });
  return {
    printed,
    config,
    app: appOf(lab, config),
    format: "table",
    file: undefined,
    environment: {},
    terminal: {
      stdout: output("stdout"),
      stderr: output("stderr"),
      environment: {},
      workingDirectory: "/",
      pid: 1,
      signal: lab.never,
    },
  };
}

function appOf(lab: BackupLab, config: Config): App {
  return {
    context: lab.context,
    credentials: undefined,
    schedule: config.schedule,
    jitterMs: 0,
    retention: config.retention,
    ticker: createTicker({ clock: lab.clock }),
    lock: { acquire: async () => ({ [Symbol.asyncDispose]: async () => undefined }) },
    lockNames: { daemon: "daemon", run: "run" },
    verify: verifyContextOf(lab),
    drill: createDrillContext({
      verify: verifyContextOf(lab),
      directory: tmpdir(),
      auth: config.etcd.auth,
      environment: {},
      workingDirectory: "/",
    }),
    localFiles: () => lab.store,
    otherFolder: () => new MemoryStore({ clock: lab.clock, id: "k3s" }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
