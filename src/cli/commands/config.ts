import { z } from "zod";
import { printConfig } from "../../config/print.ts";
import { Config } from "../../config/schema.ts";
import { checkReadiness } from "../../daemon/readiness.ts";
import { type CommonOptions, loadOptions, openSession } from "../open-session.ts";
import type { Terminal } from "../terminal.ts";

/** `config check [--online]`: whether the configuration can be used; online, whether servers and keys agree. */
export async function configCheck(options: CommonOptions, terminal: Terminal, online: boolean): Promise<void> {
  await using session = await openSession(options, terminal, { logLevel: "warn", readsOnly: false });
  const { context, credentials, ticker, schedule } = session.app;
  const next = ticker.next(schedule, context.clock.now());
  terminal.stdout.write(`configuration: right; the next tick is at ${new Date(next).toISOString()}\n`);
  if (!online) return;
  if (credentials) {
    await credentials.current();
    const told = credentials.describe();
    if (told) terminal.stdout.write(`credentials: key …${told.keyTail} from ${told.source}\n`);
  }
  await checkReadiness(context, context.destinations, terminal.signal);
  const { member } = await context.source.choose(new Set(), terminal.signal);
  terminal.stdout.write(
    `etcd: cluster ${member.clusterId}, member "${member.memberName}", version ${member.etcdVersion}\n`,
  );
  for (const { store } of context.destinations) terminal.stdout.write(`store: ${store.url("")} answers\n`);
}

/** `config print`: what is in force and where it comes from; secrets are masked. */
export function configPrint(options: CommonOptions, terminal: Terminal): void {
  terminal.stdout.write(printConfig(loadOptions(options, terminal)));
}

/** `config schema`: the JSON Schema of the file. */
export function configSchema(terminal: Terminal): void {
  terminal.stdout.write(`${JSON.stringify(z.toJSONSchema(Config, { io: "input" }), null, 2)}\n`);
}
