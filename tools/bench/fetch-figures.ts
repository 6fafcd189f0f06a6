import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { startRgw } from "../../test/support/rgw.ts";
import { tempDir } from "../../test/support/temp-dir.ts";
import { copyCommand } from "./aws-cli.ts";
import { measure } from "./measure.ts";
import { arkCommand, rgwTarget } from "./programs.ts";
import { type Contestant, ratios, runRounds } from "./rounds.ts";
import type { Figure } from "./table.ts";

/** `fetch` from Ceph RGW against `aws s3 cp` of the same object, both over https and into the same directory. */
export async function benchFetch({ etcd, rounds }: { etcd: string; rounds: number }): Promise<Figure[]> {
  await using rgw = await startRgw();
  await using directory = await tempDir("etcd-ark-bench-");
  const target = { ...rgwTarget(rgw, await rgw.createBucket()), cluster: "bench-fetch" };
  const saved = await measure(arkCommand(["save", "-o", "json"], etcd, target));
  const { name, key, storedSha256 }: Record<"name" | "key" | "storedSha256", string> = JSON.parse(saved.stdout);
  const file = join(directory.path, "snapshot.db");
  const into = async (command: Parameters<typeof measure>[0]) => {
    const cost = await measure(command);
    assert.equal(await sha256Of(file), storedSha256, "The file has other bytes than the object");
    return cost;
  };
  const tidy = (): Promise<void> => rm(file);
  const fetch: Contestant = {
    name: "fetch from RGW",
    run: () => into(arkCommand(["fetch", name, "--to", file], etcd, target)),
    tidy,
  };
  const copying = await copyCommand(target, `s3://${target.bucket}/${key}`, file);
  const copy: Contestant = { name: "aws s3 cp", run: () => into(copying), tidy };
  const costs = await runRounds(rounds, [copy, fetch]);
  return [
    {
      what: "`fetch` from RGW, wall, of `aws s3 cp`",
      values: ratios(costs, [fetch.name, copy.name], ({ wallMs }) => wallMs),
      atMost: 0.8,
      unit: "",
      by: "median",
    },
  ];
}

async function sha256Of(file: string): Promise<string> {
  assert.ok((await stat(file)).isFile());
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
