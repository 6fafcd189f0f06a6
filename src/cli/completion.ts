import type { Command } from "commander";

export type Shell = "bash" | "zsh" | "fish";

/** A completion script, made from the table of commands. */
export function completionScript(shell: Shell, program: Command): string {
  const rows = rowsOf(program, "");
  switch (shell) {
    case "bash":
      return bash(rows);
    case "zsh":
      return `#compdef etcd-ark\nautoload -Uz bashcompinit && bashcompinit\n${bash(rows)}`;
    case "fish":
      return fish(rows);
  }
}

/** What may follow a command: the names of those below it, and flags. */
interface Row {
  readonly command: string;
  readonly names: readonly string[];
  readonly flags: readonly string[];
}

function rowsOf(command: Command, path: string): Row[] {
  const names = command.commands.map((each) => each.name());
  const flags = command.options.flatMap(({ long }) => long ?? []);
  const below = command.commands.flatMap((each) => rowsOf(each, `${path} ${each.name()}`.trim()));
  return [{ command: path, names, flags }, ...below];
}

function bash(rows: readonly Row[]): string {
  const cases = rows.map(
    ({ command, names, flags }) => `    "${command}") words="${[...names, ...flags].join(" ")}" ;;`,
  );
  return `_etcd_ark() {
  local word path="" words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _etcd_ark etcd-ark
`;
}

function fish(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ command, names, flags }) => {
    const words = command.split(" ").filter(Boolean);
    const condition = words.length > 0 ? `__fish_seen_subcommand_from ${words.at(-1)}` : "__fish_use_subcommand";
    return [
      ...names.map((name) => `complete -c etcd-ark -n '${condition}' -f -a ${name}`),
      ...flags.map((flag) => `complete -c etcd-ark -n '${condition}' -l ${flag.slice(2)}`),
    ];
  });
  return `${lines.join("\n")}\n`;
}
