import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestBucket, testBucket } from "../../test/support/aws.ts";
import { eventually } from "../../test/support/eventually.ts";
import { type Rgw, startRgw } from "../../test/support/rgw.ts";
import { tempDir } from "../../test/support/temp-dir.ts";
import { copyCommand } from "./aws-cli.ts";
import { type Command, measure } from "./measure.ts";
import { arkCommand, etcdctlSave, rgwTarget, type Target } from "./programs.ts";
import { type Contestant, ratios, runRounds } from "./rounds.ts";
import type { Figure } from "./table.ts";

/** `save` into Ceph RGW against `etcdctl snapshot save` and then `aws s3 cp`, both over https. */
export async function benchRgw({ etcd, rounds }: { etcd: string; rounds: number }): Promise<Figure[]> {
  await using rgw = await startRgw();
  await using directory = await tempDir("etcd-ark-bench-");
  const name = await rgw.createBucket();
  using bucket = testBucket(name, rgw, rgw);
  const target = rgwTarget(rgw, name);
  const file = join(directory.path, "snapshot.db");
  const twoSteps = await copyingCommand({ etcd, file, target });
  const tidy = (): Promise<void> => empty(rgw, bucket);
  const save: Contestant = { name: "save into RGW", run: () => measure(arkCommand(["save"], etcd, target)), tidy };
  const copy: Contestant = {
    name: "etcdctl snapshot save && aws s3 cp",
    run: () => measure(twoSteps),
    tidy: async () => {
      await rm(file);
      await tidy();
    },
  };
  const costs = await runRounds(rounds, [copy, save]);
  return [
    {
      what: "`save` into RGW, wall, of `etcdctl snapshot save` and `aws s3 cp`",
      values: ratios(costs, [save.name, copy.name], ({ wallMs }) => wallMs),
      atMost: 0.7,
      unit: "",
      by: "median",
    },
  ];
}

interface Copying {
  readonly etcd: string;
  readonly file: string;
  readonly target: Target;
}

/** Both commands as one, so that they are measured together. */
async function copyingCommand({ etcd, file, target }: Copying): Promise<Command> {
  const copy = await copyCommand(target, file, `s3://${target.bucket}/snapshot.db`);
  const toDisk = await etcdctlSave(etcd, file);
  const script = [toDisk.argv, copy.argv].map((words) => words.map((word) => `'${word}'`).join(" ")).join(" && ");
  return { argv: ["sh", "-c", script], env: { ...toDisk.env, ...copy.env } };
}

/** Deletes all objects and waits until RGW has let go of their bytes, which it holds in memory. */
async function empty(rgw: Rgw, bucket: TestBucket): Promise<void> {
  for (const key of await bucket.keys()) await bucket.delete(key);
  await eventually(async () => JSON.parse(await rgw.admin("gc", "list", "--include-all")).length === 0, {
    timeoutMs: 120_000,
    intervalMs: 500,
  });
}
