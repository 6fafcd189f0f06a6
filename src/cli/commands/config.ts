import { failuresOf, onEach } from "../../backup/destination.ts";
import { jsonSchema } from "../../config/key-paths.ts";
import { printConfig } from "../../config/print.ts";
import { checkReadiness } from "../../daemon/readiness.ts";
import { messageOf } from "../../errors.ts";
import { type CommonOptions, loadOptions, openSession } from "../open-session.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** `config check [--online]`: whether the configuration can be used; online, whether servers and keys agree. */
export async function configCheck(options: CommonOptions, terminal: Terminal, online: boolean): Promise<void> {
  await using session = await openSession(options, terminal, { logLevel: "warn", readsOnly: false });
  const { context, ticker, schedule } = session.app;
  const next = ticker.next(schedule, context.clock.now());
  terminal.stdout.write(`configuration: right; the next tick is at ${new Date(next).toISOString()}\n`);
  if (online) await checkOnline(session);
}

/** Asks credentials, etcd and every store, and says what each answers. Rejects with the first one's error. */
export async function checkOnline({ app, terminal }: Pick<Session, "app" | "terminal">): Promise<void> {
  const { context, credentials } = app;
  if (credentials) {
    await credentials.current();
    const told = credentials.describe();
    if (told) terminal.stdout.write(`credentials: key …${told.keyTail} from ${told.source}\n`);
  }
  await checkReadiness(context, [], terminal.signal);
  const { member } = await context.source.choose(new Set(), terminal.signal);
  terminal.stdout.write(
    `etcd: cluster ${member.clusterId}, member "${member.memberName}", version ${member.etcdVersion}\n`,
  );
  await checkStores({ app, terminal });
}

/** Each store by itself: for the daemon one of them is enough, here one that is broken is what is looked for. */
async function checkStores({ app, terminal }: Pick<Session, "app" | "terminal">): Promise<void> {
  const { context } = app;
  const looked = await onEach(
    context.destinations.map((destination) => ({ destination })),
    ({ destination }) => checkReadiness(context, [destination], terminal.signal),
  );
  terminal.signal.throwIfAborted();
  for (const { destination, error } of looked) {
    const answer = error === undefined ? "answers" : `cannot be used: ${messageOf(error)}`;
    terminal.stdout.write(`store: ${destination.store.url("")} ${answer}\n`);
  }
  for (const { error } of failuresOf(looked)) throw error;
}

/** `config print`: what is in force and where it comes from; secrets are masked. */
export function configPrint(options: CommonOptions, terminal: Terminal): void {
  terminal.stdout.write(printConfig(loadOptions(options, terminal)));
}

/** `config schema`: the JSON Schema of the file. */
export function configSchema(terminal: Terminal): void {
  terminal.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
}
