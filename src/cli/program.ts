import { Command, Option } from "commander";
import { VERSION } from "../app/version.ts";
import { CONFIG_FLAGS } from "../config/flags.ts";
import { LEVELS, type Level } from "../model/check-record.ts";
import { checkPrefix } from "../model/snapshot-name.ts";
import { accept } from "./commands/accept.ts";
import { adopt } from "./commands/adopt.ts";
import { configCheck, configPrint, configSchema } from "./commands/config.ts";
import { deleteByName } from "./commands/delete.ts";
import { doctor } from "./commands/doctor.ts";
import { type DrillFlags, drill } from "./commands/drill.ts";
import { fetch } from "./commands/fetch.ts";
import { list, listClusters } from "./commands/list.ts";
import { prune } from "./commands/prune.ts";
import { addRebuildOptions, type RebuildFlags, rebuild } from "./commands/rebuild.ts";
import { addRestoreOptions, restore } from "./commands/restore.ts";
import type { RestoreFlags } from "./commands/restore-flags.ts";
import { run } from "./commands/run.ts";
import { save } from "./commands/save.ts";
import { verify } from "./commands/verify.ts";
import { completionScript, type Shell } from "./completion.ts";
import { type CommonOptions, openSession, type SessionNeeds } from "./open-session.ts";
import type { OutputFormat } from "./print-result.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

const READS: SessionNeeds = { logLevel: "warn", readsOnly: true };
const WRITES: SessionNeeds = { logLevel: "warn", readsOnly: false };
const SERVES: SessionNeeds = { logLevel: "configured", readsOnly: false };

interface VerifyFlags {
  readonly latest?: boolean;
  readonly all?: boolean;
  readonly live?: boolean;
  readonly level: Level;
}

/** The table of commands: names, arguments, flags, and what they run. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("etcd-ark")
    .description("Keeps etcd restorable: scheduled snapshots, verified in flight, streamed into S3")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  const add = new CommandTable(program, terminal);
  add.command("run", "run the daemon").action(add.session(SERVES, run));
  addSnapshotCommands(add);
  add
    .command("fetch <name>", "bring a snapshot back as a file that etcdutl and k3s restore")
    .option("--to <file>", "where to; by default its name, in this directory")
    .option("--raw", "leave the bytes as they are stored, compressed if they are")
    .action((name: string, { to, raw }: { to?: string; raw?: boolean }, command: Command) =>
      add.run(command, READS, (session) => fetch(session, { name, to, raw: raw ?? false })),
    );
  addVerify(add);
  add
    .command("drill [name]", "restore a snapshot for practice: start a stock etcd on it, and compare")
    .option("--etcd <path>", "etcd's server program; by default etcd on PATH")
    .option("--etcdutl <path>", "the tool to restore with; by default etcdutl on PATH")
    .action((name: string | undefined, flags: DrillFlags, command: Command) =>
      add.run(command, READS, (session) => drill(session, name, flags)),
    );
  addRestoreOptions(add.command("restore [snapshot]", "make a data directory of etcd's from a snapshot")).action(
    (snapshot: string | undefined, flags: RestoreFlags, command: Command) =>
      restore({ snapshot, flags, common: add.options(command), terminal }),
  );
  addRebuildOptions(
    add.command("rebuild", "make lost manifests anew from the snapshots, or import those of k3s"),
  ).action((flags: RebuildFlags, command: Command) => add.run(command, WRITES, (session) => rebuild(session, flags)));
  add
    .command("adopt", "make the folder this etcd cluster's, after it was rebuilt or restored")
    .action(add.session(WRITES, adopt));
  add
    .command("accept [names...]", "hold suspect snapshots to be right, so that pruning goes on")
    .action((names: string[], _: unknown, command: Command) =>
      add.run(command, WRITES, (session) => accept(session, names)),
    );
  add
    .command("doctor", "look at everything that a backup needs, and say what to do")
    .option("--no-write", "write nothing into the stores, not even for a moment")
    .action(({ write }: { write: boolean }, command: Command) => doctor(add.options(command), terminal, { write }));
  addConfigCommands(add.below("config", "look at the configuration"), terminal);
  program
    .command("completion")
    .description("print a completion script")
    .addArgument(new Command().createArgument("<shell>").choices(["bash", "zsh", "fish"]))
    .action((shell: Shell) => terminal.stdout.write(completionScript(shell, program)));
  addSnapshotCommands(add.below("etcd-snapshot", "the same commands under the names that k3s has for them"), true);
  return program;
}

function addVerify(add: CommandTable): void {
  add
    .command("verify [names...]", "look whether snapshots would restore: stored ones by name, or local files")
    .option("--latest", "the newest good one of each store; so it is when nothing is named")
    .option("--all", "all that are stored")
    .addOption(new Option("--level <level>", "how deep").choices(LEVELS).default("full"))
    .option("--live", "compare with HashKV of a live member too, which takes no writes while it scans")
    .action((names: string[], options: VerifyFlags, command: Command) =>
      add.run(command, READS, (session) =>
        verify(session, { latest: false, all: false, live: false, ...options, names }),
      ),
    );
}

/** Those that k3s has as well; its `prune` does not ask. */
function addSnapshotCommands(add: CommandTable, asK3s = false): void {
  add
    .command("save", "take a snapshot now")
    .option("--name <prefix>", "first part of the snapshot's name", checkPrefix, "ark-manual")
    .option("--prune", "apply retention afterwards")
    .action((options: { name: string; prune?: boolean }, command: Command) =>
      add.run(command, WRITES, (session) => save(session, { prefix: options.name, prune: options.prune ?? false })),
    );
  add
    .command("list", "list the snapshots")
    .aliases(["ls", "l"])
    .option("--clusters", "list the clusters instead")
    .action(({ clusters }: { clusters?: boolean }, command: Command) =>
      clusters ? add.run(command, WRITES, listClusters) : add.run(command, READS, list),
    );
  add
    .command("delete <names...>", "delete snapshots from every store")
    .action((names: string[], _: unknown, command: Command) =>
      add.run(command, WRITES, (session) => deleteByName(session, names)),
    );
  add
    .command("prune", "apply retention now")
    .option("--dry-run", "only show what would be deleted, and why the rest is kept")
    .option("--yes", "do not ask")
    .action(({ dryRun, yes }: { dryRun?: boolean; yes?: boolean }, command: Command) =>
      add.run(command, WRITES, (session) => prune(session, { dryRun: dryRun ?? false, yes: yes ?? asK3s })),
    );
}

function addConfigCommands(add: CommandTable, terminal: Terminal): void {
  add
    .command("check", "whether the configuration can be used")
    .option("--online", "ask etcd and the stores as well")
    .action(({ online }: { online?: boolean }, command: Command) =>
      configCheck(add.options(command), terminal, online ?? false),
    );
  add
    .command("print", "what is in force, and where it comes from")
    .action((_: unknown, command: Command) => configPrint(add.options(command), terminal));
  add.command("schema", "the JSON Schema of the file").action(() => configSchema(terminal));
}

/** Adds commands that all take the flags of the configuration. */
class CommandTable {
  readonly #parent: Command;
  readonly #terminal: Terminal;

  constructor(parent: Command, terminal: Terminal) {
    this.#parent = parent;
    this.#terminal = terminal;
  }

  below(name: string, description: string): CommandTable {
    return new CommandTable(this.#parent.command(name).description(description), this.#terminal);
  }

  command(usage: string, description: string): Command {
    const command = this.#parent
      .command(usage)
      .description(description)
      .option("-c, --config <file>", "configuration file", "")
      .option("--env-file <file>", "environment file, in systemd's syntax", "")
      .addOption(
        new Option("-o, --output <format>", "form of the result").choices(["table", "json", "yaml"]).default("table"),
      );
    for (const { name, value, description: what } of CONFIG_FLAGS) {
      command.addOption(new Option(`--${name} <${value ?? "bool"}>`, what).helpGroup("Configuration:"));
    }
    return command;
  }

  /** The action of a command without arguments or flags of its own. */
  session(needs: SessionNeeds, operation: (session: Session) => Promise<void>) {
    return (_: unknown, command: Command): Promise<void> => this.run(command, needs, operation);
  }

  async run(command: Command, needs: SessionNeeds, operation: (session: Session) => Promise<void>): Promise<void> {
    await using session = await openSession(this.options(command), this.#terminal, needs);
    await operation(session);
  }

  options(command: Command): CommonOptions {
    const { config, envFile, output } = command.opts<{ config: string; envFile: string; output: OutputFormat }>();
    const flags = command.options.flatMap((option) => {
      const name = option.name();
      const value: unknown = command.getOptionValue(option.attributeName());
      return CONFIG_FLAGS.some((flag) => flag.name === name) && typeof value === "string"
        ? [[name, value] as const]
        : [];
    });
    return { config, envFile, output, flags: Object.fromEntries(flags) };
  }
}
