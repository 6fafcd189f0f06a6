import { z } from "zod";
import { LEVELS } from "../model/check-record.ts";
import {
  choiceField,
  compressionField,
  countField,
  durationField,
  namedField,
  secretField,
  shareField,
  sizeField,
  switchField,
  textField,
} from "./fields.ts";
import { checkedBy, isCron, isEtcdEndpoint, isNamePart, isSpoolPath, isTimeZone, optional } from "./rules.ts";
import { S3 } from "./s3-schema.ts";
import { checkAuth, checkTls } from "./section-rules.ts";

const optionalCron = optional(isCron);

const Etcd = z.strictObject({
  preset: choiceField(
    ["", "k3s", "rke2", "kubeadm"],
    "Endpoints and certificates where that distribution keeps them; keys that are set win over it",
  ),
  endpoints: z
    .array(z.string().superRefine(checkedBy(isEtcdEndpoint)))
    .min(1)
    .default(["127.0.0.1:2379"])
    .meta({ description: "Members to talk to; without a scheme, https when any tls key is set, else http" }),
  tls: z
    .strictObject({
      caFile: textField("Certificate authority of the members; empty = the system's"),
      certFile: textField("Client certificate; re-read for each connection"),
      keyFile: textField("Its key; while the two do not match, the last pair that did stays in use"),
      serverName: textField("Name to expect in the member's certificate; empty = the endpoint's host"),
      skipVerify: switchField(false, "Accept any certificate: whoever answers could be anyone"),
    })
    .superRefine(checkTls)
    .prefault({})
    .meta({ description: "How to prove who is who" }),
  auth: z
    .strictObject({
      username: textField("User with the root role, where etcd's authentication is on"),
      password: secretField("Its password; better in a file"),
      passwordFile: textField("File with its password; re-read when etcd refuses the token"),
    })
    .superRefine(checkAuth)
    .prefault({})
    .meta({ description: "User and password" }),
  stallTimeout: durationField("30s", "No byte of the stream for so long: it is dropped and retried", "1s"),
  holdLimit: durationField(
    "2m",
    "A stream held longer than this, or during which the database grew by 25 %, is ended: while it is open, etcd cannot reuse freed pages",
    "1s",
  ),
});

const Directory = z.strictObject({
  path: textField("Keep snapshots in this local directory, also or only; empty = no directory"),
  minFree: shareField("20%", "Share or size of the file system that stays free"),
});

const Spool = z.strictObject({
  path: textField(
    "Directory of the overflow when S3 is slower than etcd, or none for no spool; empty = $STATE_DIRECTORY, if any",
    optional(isSpoolPath),
  ),
  maxSize: sizeField(0, "At most so much; 0 = as much as leaves 20 % of the file system free"),
});

const Schedule = z.strictObject({
  cron: namedField("0 * * * *", "Five fields, or six with seconds first, or @hourly, @daily and such", isCron),
  timezone: namedField("UTC", "IANA name of the zone that the fields are in", isTimeZone),
  jitter: durationField("2m", "At most so much later, by a hash of cluster and node: a fleet spreads"),
  catchUp: switchField(true, "One backup at start when a tick was missed or there is no backup yet"),
  onStart: switchField(false, "One backup at every start"),
});

const Retention = z.strictObject({
  last: countField(24, "The newest so many"),
  hourly: countField(0, "The newest of each of the last so many hours that have one"),
  daily: countField(14, "The same for days"),
  weekly: countField(8, "The same for ISO weeks"),
  monthly: countField(0, "The same for months"),
  yearly: countField(0, "The same for years"),
  within: durationField("0s", "All that are not older than this, counted back from the newest"),
  timezone: namedField("UTC", "IANA name of the zone in which hours, days and so on begin", isTimeZone),
  maxDeletes: countField(10, "At most so many deletions a run of the daemon; the rest waits for the next"),
  onDemand: z
    .strictObject({
      last: countField(0, "The newest so many"),
      within: durationField("0s", "All that are not older than this, counted back from the newest"),
    })
    .prefault({})
    .meta({ description: "For snapshots taken by hand; all zero = they are never pruned" }),
});

const Verify = z.strictObject({
  cron: namedField(
    "30 3 * * *",
    "When the daemon checks what it stored, in schedule.timezone; empty = never",
    optionalCron,
  ),
  level: choiceField(
    LEVELS,
    "How deep: the object, its digest, every page and row, or also the hash of all rows",
    "full",
  ),
  sample: countField(
    1,
    "So many snapshots besides the newest of each store, those first that were not checked for longest",
  ),
});

const Drill = z.strictObject({
  cron: namedField(
    "",
    "When the daemon restores the newest snapshot into nowhere, in schedule.timezone; empty = never",
    optionalCron,
  ),
  etcd: textField("etcd's server program; empty = etcd on PATH"),
  etcdutl: textField("The tool to restore with; empty = etcdutl on PATH, else etcdctl of 3.4 or 3.5"),
});

const Logging = z.strictObject({
  level: choiceField(["trace", "debug", "info", "warn", "error"], "The least level that is written", "info"),
  format: choiceField(["auto", "json", "pretty"], "auto = readable on a terminal, JSON lines otherwise"),
});

/** The one source of every key's name, type, default and meaning. Durations parse to milliseconds, sizes to bytes. */
export const Config = z.strictObject({
  cluster: namedField("default", "This cluster's folder in the bucket", isNamePart),
  node: textField("This node's name in the names of snapshots; empty = the host name", optional(isNamePart)),
  etcd: Etcd.prefault({}).meta({ description: "Where the snapshots come from" }),
  s3: S3.prefault({}).meta({ description: "Where they go" }),
  directory: Directory.prefault({}).meta({ description: "A local directory to keep snapshots in" }),
  spool: Spool.prefault({}).meta({ description: "Room on disk for what was read from etcd and S3 has not taken yet" }),
  schedule: Schedule.prefault({}).meta({ description: "When the daemon takes a snapshot" }),
  retention: Retention.prefault({}).meta({
    description:
      "What prune keeps: it counts ticks, not objects, and keeps what any rule keeps; all zero = it never deletes",
  }),
  verify: Verify.prefault({}).meta({ description: "Looking whether what is stored would restore" }),
  drill: Drill.prefault({}).meta({ description: "Restoring for practice: a stock etcd is started on it and compared" }),
  compression: compressionField(
    "none | zstd[:level] | gzip[:level]; none = restorable with stock tools straight from the bucket",
  ),
  logging: Logging.prefault({}).meta({ description: "The log, on stderr" }),
});

export type Config = z.output<typeof Config>;
export type EtcdConfig = Config["etcd"];
export type S3Config = Config["s3"];
export type RetentionConfig = Config["retention"];
