import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { etcdPrograms } from "../../test/support/etcd-programs.ts";
import { tempDir } from "../../test/support/temp-dir.ts";
import { type Command, measure } from "./measure.ts";
import { LAUNCHER } from "./programs.ts";
import { type Contestant, ratios, runRounds } from "./rounds.ts";
import type { Figure } from "./table.ts";

const MIB = 2 ** 20;
/** So much of a file one core has to read through in a second. */
const BYTES_PER_SECOND = 200e6;

/** `verify` of a local file: what it takes of a core that reads 200 MB a second, and its memory with a million keys. */
export async function benchVerify(options: {
  readonly file: string;
  readonly bytes: number;
  readonly manyKeysFile: string;
  readonly rounds: number;
}): Promise<Figure[]> {
  await using directory = await tempDir("etcd-ark-bench-");
  const verify = (file: string): Command => ({
    argv: [LAUNCHER, "verify", file, "--level=full", `--dir=${directory.path}`],
    env: { HOME: directory.path },
  });
  const contestant: Contestant = { name: "verify --level full", run: () => measure(verify(options.file)) };
  const costs = (await runRounds(options.rounds, [contestant])).get(contestant.name) ?? [];
  const manyKeys = await measure(verify(options.manyKeysFile));
  return [
    {
      what: "`verify --level full` of a file, CPU, of a core that does 200 MB/s",
      values: costs.map(({ cpuMs }) => cpuMs / ((options.bytes / BYTES_PER_SECOND) * 1000)),
      atMost: 1,
      unit: "",
      by: "median",
    },
    {
      what: "peak RSS of `verify --level full` with a million keys",
      values: [manyKeys.peakBytes / MIB],
      atMost: 250,
      unit: " MiB",
      by: "most",
    },
  ];
}

/** `restore` of a local file, which looks at every row, against `etcdutl snapshot restore` alone. */
export async function benchRestore({ file, rounds }: { file: string; rounds: number }): Promise<Figure[]> {
  await using directory = await tempDir("etcd-ark-bench-");
  const dataDir = join(directory.path, "data");
  const { etcdutl } = await etcdPrograms("3.5");
  const tool = join(directory.path, "etcdutl");
  await writeFile(tool, `#!/bin/sh\nexec ${etcdutl().join(" ")} "$@"\n`);
  await chmod(tool, 0o755);
  const tidy = (): Promise<void> => rm(dataDir, { recursive: true });
  const ark: Command = {
    argv: [LAUNCHER, "restore", file, `--data-dir=${dataDir}`, `--etcdutl=${tool}`],
    env: { HOME: directory.path },
  };
  const stock: Command = { argv: etcdutl("snapshot", "restore", file, `--data-dir=${dataDir}`) };
  const restore: Contestant = { name: "restore", run: () => measure(ark), tidy };
  const alone: Contestant = { name: "etcdutl snapshot restore", run: () => measure(stock), tidy };
  const costs = await runRounds(rounds, [alone, restore]);
  return [
    {
      what: "`restore` of a file, wall, of `etcdutl snapshot restore`",
      values: ratios(costs, [restore.name, alone.name], ({ wallMs }) => wallMs),
      atMost: 1.5,
      unit: "",
      by: "median",
    },
  ];
}
