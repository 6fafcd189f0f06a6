import { writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { UNIT_ENV_FILES } from "../src/config/env-files.ts";
import { ETCDCTL_VARIABLES } from "../src/config/etcdctl.ts";
import { CONFIG_FLAGS, k3sName } from "../src/config/flags.ts";
import {
  CONFIG_KEYS,
  CONFIG_SECTIONS,
  type ConfigKey,
  type ConfigSection,
  environmentName,
} from "../src/config/key-paths.ts";
import { DEFAULT_CONFIG_FILE } from "../src/config/load.ts";

// The one key that nobody can do without: in the example it stands ready to be filled in.
const ACTIVE = "s3.bucket";

const INTRO = `
# Configuration

<!-- Made by \`node tools/docs.ts\` from src/config/schema.ts and src/config/flags.ts. Change those. -->

A backup into S3 needs one line: the bucket. Everything else has a default.

\`\`\`yaml
s3: { bucket: my-bucket, region: eu-central-1 }
\`\`\`

\`config.example.yaml\` holds every key with its default. \`etcd-ark config check\` says whether a configuration can be used, \`config check --online\`
also whether etcd, S3 and the credentials agree with it. \`etcd-ark config print\` shows what is in force and where each value comes from, without
secrets. \`etcd-ark config schema\` prints a JSON Schema for editors. A change takes effect with \`systemctl restart etcd-ark\`.

## Where values come from

The later one wins: built-in default, what \`etcd.preset\` sets, file, variables of etcdctl, \`ETCD_ARK_…\` variables, flags.

The file is the one that \`--config\` names, else \`$ETCD_ARK_CONFIG\`, else \`${DEFAULT_CONFIG_FILE}\`. Only the last one may be absent. A key without a
value, as in \`region:\`, is as if it were not there; a key that does not exist is an error, with its place and what may have been meant.

Every key has a variable: its path in capitals, words split at case, acronyms whole. Lists are comma-separated, maps are \`k=v,k2=v2\`. A variable that
begins with \`ETCD_ARK_\` and is no key's is an error.

Nothing is expanded: \`\${NAME}\` in a value is an error. Every secret can stand in a file of its own instead: \`passwordFile\` for \`password\`,
\`secretAccessKeyFile\` for \`secretAccessKey\`. Both at once are an error.

Credentials are never put together from two layers. Whichever sets one of the keys of S3's credentials (\`s3.accessKeyId\`, \`s3.secretAccessKey\`,
\`s3.sessionToken\`, and their \`…File\` forms), or one of \`etcd.auth\`, replaces all of them in the layers below it.

With neither \`etcd.endpoints\`, nor \`etcd.tls\`, nor a preset given, and the certificates of k3s, RKE2 or kubeadm on the machine, those are used, and named
on stderr.

Durations are written \`30s\`, \`5m\`, \`12h\`, \`7d\` or \`1h30m\`; sizes \`8MiB\`, \`1.5GiB\`, or a number of bytes.

## The env file

systemd sets no \`HOME\` for a system service, so that \`~/.aws/credentials\` would not be found. The unit therefore reads
${UNIT_ENV_FILES.map((path) => `\`${path}\``).join(" and ")}, the later one wins:

\`\`\`sh
echo HOME=/root >> ${UNIT_ENV_FILES[1]}
systemctl restart etcd-ark
\`\`\`

So that a command at a shell sees what the service sees, it reads the same files. They set what the shell leaves unset, and their \`HOME\` wins over the
shell's; which file gave it is said on stderr. The three \`AWS_…\` variables of a key count as one: if the shell sets any of them, the files set
none. \`--env-file\` names a file that is read instead and overrides the environment.

The syntax is systemd's, not the shell's: \`NAME=value\` without \`export\`; \`#\` and \`;\` begin a comment only at the beginning of a line; a value may stand
in single or double quotes; a backslash at the end joins two lines; \`$NAME\` stays as it is. What systemd would ignore is a warning with its line.
`;

/** `config.example.yaml`: every key with its default, behind a "#" so that a later version's default applies. */
export function renderExample(): string {
  const top = CONFIG_KEYS.filter(({ path }) => path.length === 1);
  const intro = [
    "# etcd-ark: every key, with its default. Remove the # before a key to change it; a word of it means more in",
    "# docs/configuration.md. Durations are written 30s 5m 12h 7d, sizes 8MiB 1GiB. Nothing is expanded in a value.",
    `# Copy to ${DEFAULT_CONFIG_FILE}, then: etcd-ark config check && systemctl restart etcd-ark`,
  ];
  return `${[intro, top.flatMap(exampleLines), ...topSections().map(exampleSection)].map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function exampleSection(section: ConfigSection): string[] {
  const { path, description } = section;
  const indent = "  ".repeat(path.length - 1);
  const lines = childrenOf(path).flatMap((child) => ("kind" in child ? exampleLines(child) : exampleSection(child)));
  return [`${indent}# ${description}.`, `${indent}${path.at(-1)}:`, ...lines];
}

function exampleLines({ path, description, preset, choices }: ConfigKey): string[] {
  const indent = "  ".repeat(path.length - 1);
  const mark = path.join(".") === ACTIVE ? "" : "#";
  const words = choices.length > 0 ? ` [${choices.map((word) => word || '""').join(" | ")}]` : "";
  return [`${indent}# ${description}${words}`, `${indent}${mark}${path.at(-1)}: ${flowed(preset)}`];
}

function flowed(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 }).trim();
}

/** `docs/configuration.md`. */
export function renderReference(): string {
  const top = CONFIG_KEYS.filter(({ path }) => path.length === 1);
  const parts = [
    INTRO.trim(),
    "## Keys",
    keyTable(top),
    ...topSections().map(referenceSection),
    "## Flags",
    [
      "k3s's names with `etcd-` before them mean the same. Switches take a value after `=` only: `--s3=false`. As for k3s, `1 t T true True TRUE` are on,",
      "`0 f F false False FALSE` off, and everything else is an error.",
    ].join("\n"),
    flagTable(),
    "## Variables of etcdctl",
    "They rank below every `ETCD_ARK_…` variable and above the file. As for etcdctl, an empty one is as if it were not there.",
    table(["variable", "sets"], variableRows()),
  ];
  return `${parts.join("\n\n")}\n`;
}

function referenceSection(section: ConfigSection): string {
  const name = section.path.join(".");
  const keys = CONFIG_KEYS.filter(({ path }) => path.join(".").startsWith(`${name}.`));
  return [`### ${name}`, `${section.description}.`, keyTable(keys)].join("\n\n");
}

function keyTable(keys: readonly ConfigKey[]): string {
  const rows = keys.map(({ path, preset, description, choices }) => [
    `\`${path.join(".")}\``,
    `\`${flowed(preset)}\``,
    `${description}${choices.length > 0 ? `: ${choices.map((word) => `\`${word || '""'}\``).join(" ")}` : ""}`,
    `\`${environmentName(path)}\``,
  ]);
  return table(["key", "default", "meaning", "variable"], rows);
}

function flagTable(): string {
  const rows = CONFIG_FLAGS.map((flag) => [
    `\`--${flag.name}${flag.value === undefined ? "" : ` ${flag.value.toUpperCase()}`}\``,
    k3sName(flag) === undefined ? "" : `\`--${k3sName(flag)}\``,
    [flag.description, flag.note].filter((text) => text !== undefined).join("; "),
  ]);
  return table(["flag", "as in k3s's configuration", "meaning"], rows);
}

function variableRows(): string[][] {
  return Object.entries(ETCDCTL_VARIABLES).map(([variable, key]) => [
    `\`${variable}\``,
    `\`${key}\`${VARIABLE_NOTES[variable] ?? ""}`,
  ]);
}

const VARIABLE_NOTES: Readonly<Record<string, string>> = {
  ETCDCTL_USER: ", and behind a `:` the password, unless `ETCDCTL_PASSWORD` has it",
  ETCDCTL_PASSWORD: ", if there is `ETCDCTL_USER`",
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function topSections(): readonly ConfigSection[] {
  return CONFIG_SECTIONS.filter(({ path }) => path.length === 1);
}

/** Keys and sections right below a section: keys first, as each kind stands in the schema. */
function childrenOf(parent: readonly string[]): readonly (ConfigKey | ConfigSection)[] {
  return [...CONFIG_KEYS, ...CONFIG_SECTIONS].filter(({ path }) => path.slice(0, -1).join(".") === parent.join("."));
}

if (import.meta.main) {
  writeFileSync(new URL("../config.example.yaml", import.meta.url), renderExample());
  writeFileSync(new URL("../docs/configuration.md", import.meta.url), renderReference());
}
