import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { type Machine, machineOf } from "./restore-scene.ts";
import { assertFails, CLUSTER, type Failure, type Scene, setScene } from "./scene.ts";

/** What of the bucket and the machine is spoiled, which arguments it takes, and how that fails. */
interface Refusal {
  readonly what: string;
  readonly args: (at: { name: string; machine: Machine; scene: Scene }) => string[] | Promise<string[]>;
  readonly version?: "3.4";
  readonly spoil?: (at: { name: string; scene: Scene }) => Promise<void>;
  readonly failure: Failure;
}

const into = ({ dataDir }: Machine): string[] => ["--data-dir", dataDir];

const toolsOf = ({ env }: Machine): string => env["PATH"]?.split(":")[0] ?? "";

async function fileOf(machine: Machine, name: string, bytes: string | Uint8Array): Promise<string[]> {
  const file = join(toolsOf(machine), name);
  await writeFile(file, bytes);
  return [file, ...into(machine)];
}

async function spoilManifest({ name, scene }: { name: string; scene: Scene }, fields: object): Promise<void> {
  const key = `${CLUSTER}/manifests/${name}.json`;
  const manifest = JSON.parse((await scene.bucket.get(key)).toString());
  await scene.bucket.put(key, JSON.stringify({ ...manifest, ...fields }));
}

async function flipObject({ name, scene }: { name: string; scene: Scene }): Promise<void> {
  const key = `${CLUSTER}/snapshots/${name}`;
  const bytes = await scene.bucket.get(key);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
  await scene.bucket.put(key, bytes);
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "no target",
    args: ({ name }) => [name],
    failure: { exit: 2, code: "USAGE", says: /nothing says where to/, hint: /--data-dir=DIR/ },
  },
  {
    what: "no snapshot",
    args: ({ machine }) => into(machine),
    failure: { exit: 2, code: "USAGE", says: /which snapshot/, hint: /--latest or --time/ },
  },
  {
    what: "a name and --latest",
    args: ({ name, machine }) => [name, "--latest", ...into(machine)],
    failure: { exit: 2, code: "USAGE", says: /exclude each other/, hint: /--latest/ },
  },
  {
    what: "a time that is none",
    args: ({ machine }) => ["--time", "2026-11-25", ...into(machine)],
    failure: { exit: 2, code: "USAGE", says: /no moment/, hint: /UTC/ },
  },
  {
    what: "a URL of a folder",
    args: ({ machine }) => [`s3://bucket/${CLUSTER}/snapshots/`, ...into(machine)],
    failure: { exit: 2, code: "USAGE", says: /names no object/, hint: /--latest/ },
  },
  {
    what: "a bump with a tool that cannot",
    version: "3.4",
    args: ({ name, machine }) => [name, ...into(machine), "--bump-revision", "1", "--mark-compacted"],
    failure: { exit: 10, code: "CONFIG_INVALID", says: /etcdctl 3\.4.*cannot/, hint: /--etcdutl=PATH/ },
  },
  {
    what: "a snapshot that is newer than the tool",
    version: "3.4",
    args: ({ name, machine }) => [name, ...into(machine)],
    failure: { exit: 10, code: "CONFIG_INVALID", says: /older tool/, hint: /Get etcdutl 3\.5/ },
  },
  {
    what: "a tool that is not there",
    args: ({ name, machine }) => [name, ...into(machine), "--etcdutl", "/nowhere/etcdutl"],
    failure: { exit: 10, code: "CONFIG_INVALID", says: /"\/nowhere\/etcdutl" is no program/, hint: /Install etcdutl/ },
  },
  {
    what: "a member that is not in its cluster, which the tool refuses",
    args: ({ name, machine }) => [name, ...into(machine), "--name", "m1", "--initial-cluster", "m2=http://a:1"],
    failure: { exit: 10, code: "TOOL_FAILED", says: /couldn't find local name "m1"/, hint: /--initial-cluster/ },
  },
  {
    what: "a parent that is missing",
    args: ({ name, machine }) => [name, "--data-dir", join(machine.dataDir, "below")],
    failure: { exit: 13, code: "STORE_REFUSED", says: /no directory/, hint: /mkdir -p/ },
  },
  {
    what: "a directory that is not empty",
    args: ({ name, machine }) => [name, "--data-dir", toolsOf(machine)],
    failure: { exit: 13, code: "STORE_CONFLICT", says: /not empty/, hint: /mv .*--data-dir/ },
  },
  {
    what: "an unknown name",
    args: ({ machine }) => ["ark-none", ...into(machine)],
    failure: { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /"ark-none"/, hint: /etcd-ark list/ },
  },
  {
    what: "a missing file",
    args: ({ machine }) => ["./none", ...into(machine)],
    failure: { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /no such file/, hint: /etcd-ark list/ },
  },
  {
    what: "a time before every snapshot",
    args: ({ machine }) => ["--time", "2020-01-01 00:00", ...into(machine)],
    failure: { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /before 2020-01-01T00/, hint: /etcd-ark list/ },
  },
  {
    what: "a suspect snapshot by its name",
    args: ({ name, machine }) => [name, ...into(machine)],
    spoil: (at) => spoilManifest(at, { suspect: ["revision went back"] }),
    failure: { exit: 15, code: "SNAPSHOT_SUSPECT", says: /revision went back/, hint: /etcd-ark accept/ },
  },
  {
    what: "a latest that is suspect",
    args: ({ machine }) => ["--latest", ...into(machine)],
    spoil: (at) => spoilManifest(at, { suspect: ["revision went back"] }),
    failure: { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /suspect/, hint: /etcd-ark accept/ },
  },
  {
    what: "stored bytes that have changed",
    args: ({ name, machine }) => [name, ...into(machine)],
    spoil: flipObject,
    failure: { exit: 15, code: "SNAPSHOT_CORRUPT", says: /SHA-256/, hint: /etcd-ark list/ },
  },
  {
    what: "an unfinished file",
    args: async ({ name, machine, scene }) =>
      fileOf(machine, "x.db.part", await scene.bucket.get(`${CLUSTER}/snapshots/${name}`)),
    failure: { exit: 15, code: "SNAPSHOT_CORRUPT", says: /never finished/, hint: /without \.part/ },
  },
  {
    what: "an empty file",
    args: ({ machine }) => fileOf(machine, "x.db", ""),
    failure: { exit: 15, code: "SNAPSHOT_CORRUPT", says: /empty/, hint: /etcd-ark list/ },
  },
  {
    what: "a compressed file",
    args: ({ machine }) => fileOf(machine, "x.db", gzipSync("x")),
    failure: { exit: 15, code: "SNAPSHOT_CORRUPT", says: /gzip/, hint: /gunzip/ },
  },
];

describe("restore refuses", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    await etcd.etcdctl("put", "k", "v");
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  for (const { what, args, version, spoil, failure } of REFUSALS) {
    it(`${what} with ${failure.exit}, and leaves the machine as it was`, async () => {
      await using scene = await setScene({ etcd, rgw });
      const { name } = await scene.save();
      await spoil?.({ name, scene });
      await using machine = await machineOf(scene, version ?? "3.5");
      assertFails(await machine.restore(await args({ name, machine, scene })), failure);
      assert.deepEqual(await machine.there(), []);
    });
  }

  it("a data directory that a running etcd has, and harms nothing there", async () => {
    await using scene = await setScene({ etcd, rgw });
    const { name } = await scene.save();
    await using machine = await machineOf(scene);
    const [member] = etcd.members;
    const result = await machine.restore([name, "--data-dir", member?.dataDir ?? ""]);
    const says = new RegExp(`process ${member?.pid} has its database open`);
    assertFails(result, { exit: 16, code: "ALREADY_RUNNING", says, hint: /Stop that etcd/ });
    assert.match(await etcd.etcdctl("get", "k"), /v/);
  });

  it("a data directory of a stopped etcd, to the byte", async () => {
    await using scene = await setScene({ etcd, rgw });
    const { name } = await scene.save();
    await using machine = await machineOf(scene);
    await using stopped = await startEtcd();
    const [member] = stopped.members;
    await member?.stop();
    const db = join(member?.dataDir ?? "", "member", "snap", "db");
    const before = await readFile(db);
    const result = await machine.restore([name, "--data-dir", member?.dataDir ?? "", "--force"]);
    assertFails(result, { exit: 13, code: "STORE_CONFLICT", says: /not empty/, hint: /mv / });
    assert.deepEqual(await readFile(db), before);
  });
});
