import type { Mutant } from "../mutant.ts";

const etcdErrors = "test/unit/etcd/errors.test.ts";
const tlsOptions = "test/unit/etcd/tls-options.test.ts";
const tlsFiles = "test/unit/etcd/tls-files.test.ts";
const password = "test/unit/etcd/password.test.ts";
const auth = "test/integration/etcd-auth.test.ts";
const candidates = "test/unit/etcd/candidates.test.ts";
const takeBackup = "test/unit/backup/take-backup.test.ts";
const members = "test/integration/etcd-members.test.ts";
const stream = "test/unit/etcd/snapshot-stream.test.ts";
const frames = "test/unit/etcd/grpc-frames.test.ts";
const streamCheck = "test/unit/backup/stream-check.test.ts";
const etcdTrouble = "test/e2e/etcd-trouble.test.ts";
const watchdog = "test/unit/etcd/watchdog.test.ts";
const connections = "test/unit/etcd/connections.test.ts";
const source = "test/unit/etcd/snapshot-source.test.ts";
const answers = "test/unit/etcd/answers.test.ts";

/** What etcd, or the way to it, does wrong. */
export const etcdMutants: readonly Mutant[] = [
  {
    id: "etcd/down",
    row: "etcd: down",
    file: "src/etcd/connection-errors.ts",
    find: "[/ECONNREFUSED/, {",
    replace: "[/^never$/, {",
    tests: [{ file: etcdErrors, name: "makes ETCD_UNAVAILABLE of ECONNREFUSED" }],
  },
  {
    id: "etcd/wrong-server-certificate",
    row: "etcd: wrong certificate: of the server",
    file: "src/etcd/connection-errors.ts",
    find: "/UNABLE_TO_(VERIFY|GET_ISSUER)|SELF_SIGNED|",
    replace: "/^never$|",
    tests: [{ file: etcdErrors, name: "makes ETCD_REFUSED of UNABLE_TO_VERIFY_LEAF_SIGNATURE" }],
  },
  {
    id: "etcd/wrong-client-certificate",
    row: "etcd: wrong certificate: ours",
    file: "src/etcd/connection-errors.ts",
    find: "/ALERT_(CERTIFICATE_REQUIRED|",
    replace: "/ALERT_(",
    tests: [{ file: etcdErrors, name: "makes ETCD_REFUSED of ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" }],
  },
  {
    id: "etcd/verify",
    row: "etcd: wrong certificate: it is verified",
    file: "src/etcd/tls-options.ts",
    find: "rejectUnauthorized: !tls.skipVerify,",
    replace: "rejectUnauthorized: false,",
    tests: [{ file: tlsOptions, name: "speaks HTTP/2, and verifies unless it shall not" }],
  },
  {
    id: "etcd/mismatched-pair",
    row: "etcd: mismatched pair while rotating: named",
    file: "src/etcd/tls-files.ts",
    find: "if (!certificate.checkPrivateKey(privateKey)) {",
    replace: "if (!privateKey) {",
    tests: [{ file: tlsFiles, name: "load() says which files do not match" }],
  },
  {
    id: "etcd/mismatched-pair-keeps",
    row: "etcd: mismatched pair while rotating: the last good one stays",
    file: "src/etcd/tls-files.ts",
    find: "        if (this.#lastGood) return this.#keep(this.#lastGood, error);\n",
    replace: "",
    tests: [{ file: tlsFiles, name: "load() keeps the last good set when the certificate is newer than the key" }],
  },
  {
    id: "etcd/mismatched-pair-waits",
    row: "etcd: mismatched pair while rotating: at the start",
    file: "src/etcd/tls-files.ts",
    find: "if (attempt === ATTEMPTS) throw error;",
    replace: "throw error;",
    tests: [{ file: tlsFiles, name: "load() waits for the second half of a rotation that is under way at the start" }],
  },
  {
    id: "etcd/pair-reread",
    row: "etcd: a rotated pair is used by the next connection",
    file: "src/etcd/tls-files.ts",
    find: "this.#lastGood = await readContext(",
    replace: "this.#lastGood ??= await readContext(",
    tests: [{ file: tlsFiles, name: "reads the files again for each connection" }],
  },
  {
    id: "etcd/auth-required",
    row: "etcd: auth required",
    file: "src/etcd/errors.ts",
    find: "    /user name is empty/,",
    replace: "    /^never$/,",
    tests: [{ file: etcdErrors, name: 'makes ETCD_REFUSED of status 3 "etcdserver: user name is empty"' }],
  },
  {
    id: "etcd/wrong-password",
    row: "etcd: wrong password",
    file: "src/etcd/errors.ts",
    find: "    /authentication failed/,",
    replace: "    /^never$/,",
    tests: [
      {
        file: etcdErrors,
        name: 'makes ETCD_REFUSED of status 3 "etcdserver: authentication failed, invalid user ID or password"',
      },
    ],
  },
  {
    id: "etcd/password-line",
    row: "etcd: wrong password: the line's end of its file is none of it",
    file: "src/etcd/password.ts",
    find: 'password.replace(/\\r?\\n$/, "")',
    replace: "password",
    tests: [{ file: password, name: "reads the file each time, without the line's end" }],
  },
  {
    id: "etcd/token-expired",
    row: "etcd: token expired by idleness: known",
    file: "src/etcd/errors.ts",
    find: "return code === GRPC.unauthenticated || /invalid auth token|auth store is old/.test(message);",
    replace: "return code < 0;",
    tests: [
      { file: etcdErrors, name: "isTokenRefused() knows a forgotten token and one from before a change of users" },
    ],
  },
  {
    id: "etcd/token-expired-retry",
    row: "etcd: token expired by idleness: a new one",
    file: "src/etcd/member-client.ts",
    find: "if (this.#token === undefined || !isTokenRefused(error)) throw error;",
    replace: "throw error;",
    tests: [{ file: auth, name: "of etcd 3.5 logs in again when the token has expired by idleness, for every call" }],
  },
  {
    id: "etcd/no-root",
    row: "etcd: user without the root role",
    file: "src/etcd/errors.ts",
    find: "  [/permission denied/, NEEDS_ROOT],\n",
    replace: "",
    tests: [{ file: etcdErrors, name: 'makes ETCD_REFUSED of status 2 "auth: permission denied"' }],
  },
  {
    id: "etcd/learner",
    row: "etcd: learner",
    file: "src/etcd/candidates.ts",
    find: "    .filter(({ isLearner }) => !isLearner)\n",
    replace: "",
    tests: [{ file: candidates, name: "rankCandidates() leaves learners out" }],
  },
  {
    id: "etcd/lagging",
    row: "etcd: lagging member",
    file: "src/etcd/candidates.ts",
    find: "return committed - appliedIndex <= IN_STEP ? 0 : 2;",
    replace: "return 0;",
    tests: [
      { file: candidates, name: "prefers the leader to a follower that lags, and that to a member without a leader" },
    ],
  },
  {
    id: "etcd/isolated",
    row: "etcd: isolated member",
    file: "src/etcd/candidates.ts",
    find: "  if (!hasLeader) return 3;\n",
    replace: "",
    tests: [
      { file: candidates, name: "prefers the leader to a follower that lags, and that to a member without a leader" },
    ],
  },
  {
    id: "etcd/isolated-stale",
    row: "etcd: isolated member that sends what was true an hour ago",
    file: "src/backup/take-backup.ts",
    find: "  if (revision >= readRevision) return;\n",
    replace: "  if (revision >= 0n) return;\n",
    tests: [{ file: takeBackup, name: "refuses a snapshot that is older than what the member had read before" }],
  },
  {
    id: "etcd/corrupt-member",
    row: "etcd: a member with a CORRUPT alarm",
    file: "src/etcd/candidates.ts",
    find: "  if (isCorrupt) return 4;\n",
    replace: "",
    tests: [{ file: candidates, name: "rankCandidates() takes a corrupt member last" }],
  },
  {
    id: "etcd/several-clusters",
    row: "etcd: endpoints of several clusters",
    file: "src/etcd/snapshot-source.ts",
    find: "if (clusters.size <= 1) return candidates;",
    replace: "if (clusters.size > 0) return candidates;",
    tests: [{ file: members, name: "says which endpoints do not belong together" }],
  },
  {
    id: "etcd/no-quorum",
    row: "etcd: no quorum: a snapshot all the same",
    file: "src/etcd/snapshot-source.ts",
    find: "this.#read(member, false, either)",
    replace: "this.#read(member, true, either)",
    tests: [{ file: source, name: "asks all at once what they have alone when there is no quorum" }],
  },
  {
    id: "etcd/no-quorum-told",
    row: "etcd: no quorum: it is told",
    file: "src/backup/take-backup.ts",
    find: "  if (!origin.linearized) {",
    replace: "  if (!origin) {",
    tests: [{ file: takeBackup, name: "warns when no quorum vouches for the snapshot" }],
  },
  {
    id: "etcd/cut",
    row: "etcd: stream cut: no status came",
    file: "src/etcd/snapshot-stream.ts",
    find: 'if (status === undefined) this.#fail(this.#cut("the connection was cut"));',
    replace: "if (status === undefined) this.#finish();",
    tests: [{ file: stream, name: "rejects with ETCD_STREAM_BROKEN when the stream has no status" }],
  },
  {
    id: "etcd/cut-status",
    row: "etcd: stream cut: a status other than OK",
    file: "src/etcd/snapshot-stream.ts",
    find: "else if (status.code !== GRPC.ok) this.#fail(this.#refusal(status));\n",
    replace: "",
    tests: [{ file: stream, name: "rejects with ETCD_STREAM_BROKEN when the stream has a status that is not OK" }],
  },
  {
    id: "etcd/cut-short",
    row: "etcd: stream cut: bytes are missing",
    file: "src/etcd/snapshot-stream.ts",
    find: 'else if (!this.#frames.isComplete) this.#fail(this.#cut("etcd ended it"));\n',
    replace: "",
    tests: [
      { file: stream, name: "rejects with ETCD_STREAM_BROKEN when the stream lacks the last bytes" },
      { file: stream, name: "rejects with ETCD_STREAM_BROKEN when the stream lacks the digest" },
    ],
  },
  {
    id: "etcd/cut-anywhere",
    row: "etcd: stream cut anywhere before the end",
    file: "src/etcd/grpc-frames.ts",
    find: "return this.#received === this.snapshotSize && this.#remaining === 0 && this.#prefix === 0;",
    replace: "return this.#received > 0;",
    tests: [{ file: frames, name: "is not complete anywhere before the end" }],
  },
  {
    id: "etcd/cut-another",
    row: "etcd: stream cut: another member is tried",
    file: "src/backup/take-backup.ts",
    find: 'if (!isBackupError(error, "ETCD_STREAM_BROKEN", "SNAPSHOT_CORRUPT")) throw error;',
    replace: "throw error;",
    tests: [{ file: takeBackup, name: "takes the snapshot of another member when the first one's stream breaks off" }],
  },
  {
    id: "etcd/length",
    row: "etcd: fewer bytes than announced",
    file: "src/backup/stream-check.ts",
    find: "if (missing !== 0)",
    replace: "if (missing > 1e15)",
    tests: [{ file: streamCheck, name: "finish() says SNAPSHOT_CORRUPT when a byte is too many" }],
  },
  {
    id: "etcd/digest",
    row: "etcd: digest that does not match: another member is tried",
    file: "src/backup/take-backup.ts",
    find: 'isBackupError(error, "ETCD_STREAM_BROKEN", "SNAPSHOT_CORRUPT")',
    replace: 'isBackupError(error, "ETCD_STREAM_BROKEN")',
    tests: [
      { file: takeBackup, name: "stores nothing when the digest does not match, and tries another member first" },
    ],
  },
  {
    id: "etcd/stale-built",
    row: "etcd: isolated member, against the built program",
    file: "src/etcd/snapshot-source.ts",
    find: "ranked.filter(({ hasLeader }) => hasLeader)",
    replace: "ranked.filter(({ hasLeader }) => !hasLeader)",
    tests: [
      {
        file: etcdTrouble,
        name: "save reads from another member while one is cut off, and misses nothing that the others agreed on",
      },
    ],
  },
  {
    id: "etcd/frozen",
    row: "etcd: frozen server: silence",
    file: "src/etcd/watchdog.ts",
    find: "if (left <= 0) return streamBroken(",
    replace: "if (left < -1e12) return streamBroken(",
    tests: [{ file: watchdog, name: "ends a stream that was silent for the whole time-out" }],
  },
  {
    id: "etcd/frozen-ping",
    row: "etcd: frozen server: pings",
    file: "src/etcd/watchdog.ts",
    find: "    if (isLate) return",
    replace: "    if (isLate === undefined) return",
    tests: [
      {
        file: watchdog,
        name: "pings every ten seconds, which etcd allows, and ends a stream whose ping is not answered",
      },
    ],
  },
  {
    id: "etcd/frozen-slow",
    row: "etcd: a slow S3 is no frozen server",
    file: "src/etcd/snapshot-stream.ts",
    find: "(this.#isTaking ? clock.monotonic() - this.#lastByte : 0)",
    replace: "clock.monotonic() - this.#lastByte",
    tests: [{ file: stream, name: "does not take a slow writer for a stall" }],
  },
  {
    id: "etcd/frozen-sockets",
    row: "etcd: frozen server: no socket is left",
    file: "src/etcd/channel.ts",
    find: "const destroy = (): void => void socket.destroy();",
    replace: "const destroy = (): void => undefined;",
    tests: [
      { file: connections, name: "before the handshake of TLS is destroyed with the client" },
      { file: connections, name: "before it answers a call is destroyed with the client" },
    ],
  },
  {
    id: "etcd/frozen-again",
    row: "etcd: frozen server: a closed channel does not connect again",
    file: "src/etcd/channel.ts",
    find: "waitForReady: async () => this.#closed.throwIfAborted(),",
    replace: "waitForReady: async () => undefined,",
    tests: [{ file: connections, name: "before the handshake of TLS is destroyed when the time of a call is over" }],
  },
  {
    id: "etcd/frozen-several",
    row: "etcd: several frozen members: their time-outs do not add up",
    file: "src/etcd/snapshot-source.ts",
    find: "      await this.#client(member).confirm(either);\n",
    replace: "",
    tests: [{ file: source, name: "waits for all that are silent at once, not for one after the other" }],
  },
  {
    id: "etcd/frozen-enough",
    row: "etcd: several frozen members: none is waited for when a better one has answered",
    file: "src/etcd/answers.ts",
    find: "    enough.abort();\n",
    replace: "",
    tests: [{ file: answers, name: "ends the questions that are open when nobody reads on" }],
  },
  {
    id: "etcd/count-once",
    row: "etcd: only the member that is taken counts its keys",
    file: "src/etcd/member-client.ts",
    find: 'await this.#range({ key: Buffer.from("health"), count_only: true }, signal);',
    replace: "await this.countKeys(false, signal);",
    tests: [{ file: source, name: "counts the keys through the one that it takes, and through no other" }],
  },
  {
    id: "etcd/storage-version",
    row: "etcd: the storage version is the snapshot's own",
    file: "src/backup/stream-check.ts",
    find: "snapshotSha256, revision, storageVersion };",
    replace: 'snapshotSha256, revision, storageVersion: "" };',
    tests: [{ file: streamCheck, name: "finish() gives the storage version that stands in the snapshot" }],
  },
  {
    id: "etcd/slow-s3",
    row: "etcd: S3 at 1 MiB/s while the writer churns: the spool",
    file: "src/backup/take-backup.ts",
    find: "    return spooledWriter(writer, await context.spool.open(signal));",
    replace: "    return writer;",
    tests: [{ file: takeBackup, name: "lets etcd run ahead of a slow store through the spool" }],
  },
  {
    id: "etcd/slow-s3-bound",
    row: "etcd: S3 at 1 MiB/s while the writer churns: the bound",
    file: "src/backup/hold-guard.ts",
    find: "const GROWTH_LIMIT = 1.25;",
    replace: "const GROWTH_LIMIT = 3;",
    tests: [{ file: takeBackup, name: "ends the stream when the database grows by a quarter while it is held" }],
  },
];
