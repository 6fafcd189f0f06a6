import type { App } from "../../app/app.ts";
import { abortable } from "../../async/abortable.ts";
import type { Config } from "../../config/schema.ts";
import { runDaemon } from "../../daemon/daemon.ts";
import type { Duty } from "../../daemon/duties.ts";
import { isBackupError } from "../../errors.ts";
import { drill } from "../../restore/drill-newest.ts";
import { verifySample } from "../../verify/verify-sample.ts";
import type { Session } from "../session.ts";
import { named } from "./drill.ts";

/** `run`: the daemon. Returns when it was told to stop. */
export async function run({ app, config, terminal, file }: Session): Promise<void> {
  const { context, schedule, jitterMs, retention, ticker, lock, lockNames } = app;
  const { telemetry } = context;
  const stores = context.destinations.map(({ store }) => store.url(""));
  telemetry.daemonStarted({ version: context.writer, config: file ?? "", stores });
  await refuseHopeless(app, terminal.signal);
  const { catchUp, onStart } = config.schedule;
  const duties = dutiesOf(app, config);
  const options = { context, ticker, schedule, jitterMs, catchUp, onStart, retention, lock, duties };
  await runDaemon({ ...options, daemonLock: lockNames.daemon, runLock: lockNames.run }, terminal.signal);
}

/**
 * Absent credentials may appear; but with HOME unset, and nothing else that could give any, nobody will ever look
 * where they appear. Then the service must not go on as if it could work.
 */
async function refuseHopeless({ credentials }: Session["app"], signal: AbortSignal): Promise<void> {
  try {
    // Whoever gives them may take a minute, and a signal has not that long; `runDaemon` sees it too.
    if (credentials) await abortable(credentials.current(), signal);
  } catch (error) {
    if (isBackupError(error, "CONFIG_INVALID")) throw error;
  }
}

/** What the daemon does besides the backups, as far as it is scheduled. */
function dutiesOf(app: App, { schedule, verify: { cron, level, sample }, drill: drilled }: Config): Duty[] {
  const { destinations, telemetry } = app.context;
  const verifying: Duty = {
    what: "verify what is stored",
    schedule: { cron, timezone: schedule.timezone },
    work: (signal) => verifySample(app.verify, { destinations, level, sample, telemetry }, signal),
  };
  const drilling: Duty = {
    what: "drill a restore",
    schedule: { cron: drilled.cron, timezone: schedule.timezone },
    work: async (signal) => {
      await drill(app.drill, { destinations, name: undefined, programs: named(drilled), telemetry }, signal);
    },
  };
  return [verifying, drilling].filter(({ schedule: { cron } }) => cron !== "");
}
