import { isBackupError } from "../../src/errors.ts";
import { decodeIdentity, newIdentity } from "../../src/model/identity.ts";
import { decodeManifest, encodeJson, encodeManifest } from "../../src/model/manifest.ts";
import type { Random } from "../../test/support/random.ts";

const IDENTITY = encodeJson(newIdentity({ cluster: "c", uuid: "u", clusterId: "cdf8", at: 0 }));
const MOMENT = "2026-11-23T22:55:01.123Z";
const MANIFEST = encodeManifest({
  formatVersion: 1,
  minReader: 1,
  name: "ark-cp-1-20261123T225501123Z-abcd",
  cluster: "default",
  clusterUuid: "u",
  clusterId: "cdf8",
  memberId: "8e9e",
  memberName: "m1",
  node: "cp-1",
  kind: "scheduled",
  tick: MOMENT,
  timeline: "1",
  etcdVersion: "3.5.16",
  storageVersion: "",
  distribution: "",
  startedAt: MOMENT,
  finishedAt: MOMENT,
  storedAt: MOMENT,
  revision: "61",
  linearized: true,
  dbSize: 40_960,
  snapshotSize: 40_992,
  storedSize: 40_992,
  sha256: "a".repeat(64),
  storedSha256: "b".repeat(64),
  encoding: ["zstd"],
  key: "default/snapshots/x",
  parts: 1,
  versionId: null,
  lock: { mode: "GOVERNANCE", until: MOMENT },
  suspect: [],
  writer: "etcd-ark",
  liveKeys: 60,
  dbSizeInUse: 40_960,
});
/** Bits of JSON that change its meaning. */
const PIECES = ["null", "{}", "[]", "-1", "1e999", '""', "true", ",", "}", '"minReader": 9,', "\\ud800", "\0"] as const;

/** Damages a manifest and an identity, and returns the stack of what was thrown and is no `BackupError`. */
export function tryRecords(random: Random): string[] {
  return [
    thrownBy(() => decodeManifest(damage(MANIFEST, random))),
    thrownBy(() => decodeIdentity(damage(IDENTITY, random), "s3://bucket/cluster.json")),
  ].flat();
}

function damage(record: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(record);
  const at = random.int(0, bytes.length - 1);
  switch (random.int(0, 3)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      bytes.writeUInt8(random.int(0, 255), at);
      return bytes;
    case 2: {
      const end = random.int(at, Math.min(bytes.length, at + 40));
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(PIECES)), bytes.subarray(end)]);
    }
    default:
      return replaceValue(bytes, random);
  }
}

/** Still JSON, with a value of another type. */
function replaceValue(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString().split("\n");
  const line = random.int(0, lines.length - 1);
  lines[line] = lines[line]?.replace(/: .*?(,?)$/, (_, comma) => `: ${random.pick(PIECES)}${comma}`) ?? "";
  return Buffer.from(lines.join("\n"));
}

function thrownBy(decode: () => unknown): string[] {
  try {
    decode();
    return [];
  } catch (error) {
    if (isBackupError(error)) return [];
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}
