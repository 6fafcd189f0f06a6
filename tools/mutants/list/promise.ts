import type { Mutant } from "../mutant.ts";

const takeBackup = "test/unit/backup/take-backup.test.ts";
const prune = "test/unit/backup/prune.test.ts";
const retention = "test/unit/model/retention.test.ts";

/** The promises of the design, each broken in the ways that would matter. */
export const promiseMutants: readonly Mutant[] = [
  {
    id: "promise/1-digest",
    row: "Promise 1: hashed against etcd's own digest",
    file: "src/backup/stream-check.ts",
    find: "if (sha256 !== trailer) throw",
    replace: "if (sha256.length !== trailer.length) throw",
    tests: [{ file: takeBackup, name: "stores nothing when the digest does not match" }],
  },
  {
    id: "promise/1-manifest-last",
    row: "Promise 1: the manifest is written last",
    file: "src/backup/upload.ts",
    find: "  const manifest = describe(await upload.writer.complete());\n",
    replace:
      '  const early = { key: "k", size: 0, storedAt: 0, parts: 1 };\n  await upload.destination.store.create(layout.manifest(context.cluster, upload.name), encodeManifest(describe(early)), signal);\n  const manifest = describe(await upload.writer.complete());\n',
    tests: [{ file: takeBackup, name: "stores etcd's bytes as they are, then the manifest, and leaves nothing else" }],
  },
  {
    id: "promise/1-read-back",
    row: "Promise 1: read back as present with the right size",
    file: "src/s3/completion.ts",
    find: "if (head.output.ContentLength !== size) {",
    replace: "if (head.output.ContentLength === undefined) {",
    tests: [
      {
        file: "test/integration/s3-lies.test.ts",
        name: "complete() does not trust an object of another size, and removes it",
      },
    ],
  },
  {
    id: "promise/1-object-gone",
    row: "Promise 1: a manifest whose object is gone does not count",
    file: "src/backup/catalog.ts",
    find: "good: size === manifest.storedSize",
    replace: "good: size === undefined || size === manifest.storedSize",
    tests: [{ file: prune, name: "does not count a snapshot whose object is gone" }],
  },
  {
    id: "promise/1-directory",
    row: "Promise 1: read back as present with the right size, in a directory",
    file: "src/directory/directory-writer.ts",
    find: "if (object?.size === this.#written) return",
    replace: "if (object) return",
    tests: [
      {
        file: "test/unit/directory/directory-writer.test.ts",
        name: "does not say that an object is stored whose bytes are not all there",
      },
    ],
  },
  {
    id: "promise/2-raw-bytes",
    row: "Promise 2: byte for byte what etcdctl snapshot save writes",
    file: "src/backup/take-backup.ts",
    find: "return encoder.write(blob);",
    replace: "return check.position === snapshotSize ? encoder.write(blob.subarray(0, -32)) : encoder.write(blob);",
    tests: [{ file: takeBackup, name: "stores etcd's bytes as they are, then the manifest, and leaves nothing else" }],
  },
  {
    id: "promise/2-copied",
    row: "Promise 2: what is copied to another store is what was stored",
    file: "src/backup/copy-snapshot.ts",
    find: 'requireDigest(snapshot, { sha256: hash.digest("hex"), expected: storedSha256 });',
    replace: "",
    tests: [
      {
        file: "test/unit/backup/back-fill.test.ts",
        name: "leaves a damaged copy out, says so, and goes on with the next",
      },
    ],
  },
  {
    id: "promise/2-fetched",
    row: "Promise 2: what is given back is what etcd sent",
    file: "src/backup/copy-snapshot.ts",
    find: "  requireDigest(snapshot, { sha256, expected: manifest.sha256 });\n",
    replace: "",
    tests: [
      {
        file: "test/unit/backup/fetch-snapshot.test.ts",
        name: "does not give back what is not etcd's although it is what was stored",
      },
    ],
  },
  {
    id: "promise/3-buffer-pool",
    row: "Promise 3: memory does not grow with the database",
    file: "src/s3/slab-pool.ts",
    find: "if (free !== undefined || this.#made === this.#count) return free;",
    replace: "if (free !== undefined) return free;",
    tests: [
      {
        file: "test/unit/s3/slab-pool.test.ts",
        name: "SlabPool hands out no more slabs than it may, and the same ones again",
      },
    ],
  },
  {
    id: "promise/3-back-pressure",
    row: "Promise 3: etcd waits while the writer does",
    file: "src/etcd/snapshot-stream.ts",
    find: "    this.#isWriting = true;\n    this.#request.pause();",
    replace: "    this.#isWriting = true;",
    tests: [
      {
        file: "test/unit/etcd/snapshot-stream.test.ts",
        name: "has one write under way, and etcd wait meanwhile",
      },
    ],
  },
  {
    id: "promise/3-memory",
    row: "Promise 3: what waits for S3 is bounded in memory",
    file: "src/wrap/spooled-writer.ts",
    find: "return this.#tailBytes > this.#parts.memory ? this.#untilRoom() : undefined;",
    replace: "return this.#tailBytes < 0 ? this.#untilRoom() : undefined;",
    tests: [
      {
        file: "test/unit/wrap/spooled-writer.test.ts",
        name: "makes its caller wait only when memory and disk are full, and lets go when there is room",
      },
    ],
  },
  {
    id: "promise/4-spool",
    row: "Promise 4: etcd is read faster than S3 takes the bytes",
    file: "src/wrap/spooled-writer.ts",
    find: "    this.#tailBytes += chunk.byteLength;\n    this.#spill();",
    replace: "    this.#tailBytes += chunk.byteLength;",
    tests: [
      {
        file: "test/unit/wrap/spooled-writer.test.ts",
        name: "makes its caller wait only when memory and disk are full, and lets go when there is room",
      },
    ],
  },
  {
    id: "promise/4-hold-limit",
    row: "Promise 4: a stream is ended within a bound of time",
    file: "src/backup/hold-guard.ts",
    find: "if (left <= 0) return tooLong(",
    replace: "if (left < -holdLimitMs * 1000) return tooLong(",
    tests: [{ file: takeBackup, name: "ends the stream when it is held for longer than the limit" }],
  },
  {
    id: "promise/4-growth",
    row: "Promise 4: a stream is ended when the database grows",
    file: "src/backup/hold-guard.ts",
    find: "if (size > bound) return",
    replace: "if (size > bound * 1000) return",
    tests: [{ file: takeBackup, name: "ends the stream when the database grows by a quarter while it is held" }],
  },
  {
    id: "promise/4-store-first",
    row: "Promise 4: no byte is read from etcd before S3 has accepted the upload",
    file: "src/backup/take-backup.ts",
    find: "  const claimed = await claimFolders(run, signal);\n",
    replace:
      "  const claimed = await claimFolders(run, signal);\n  await (await context.source.open(origin.member, signal))[Symbol.asyncDispose]();\n",
    tests: [
      {
        file: takeBackup,
        name: "reads no byte from etcd before the store has accepted the start of the upload",
      },
    ],
  },
  {
    id: "promise/5-torn",
    row: "Promise 5: a torn file never replaces good credentials",
    file: "src/credentials/settled-files.ts",
    find: "    for (let since = began; this.#clock.monotonic() - since < this.#quietMs(files); ) {",
    replace: "    for (let since = began; this.#quietMs(files) < 0; ) {",
    tests: [
      {
        file: "test/unit/credentials/settled-files.test.ts",
        name: "yields the old set or the new one whole, however a write is interleaved with it",
      },
    ],
  },
  {
    id: "promise/5-keep-last-good",
    row: "Promise 5: a bad file never replaces good credentials",
    file: "src/credentials/source.ts",
    find: "if (identity && !this.#expired(identity)) return identity;",
    replace:
      "if (identity && !this.#failure && !this.#expired(identity)) return identity;\n    if (this.#failure) throw this.#whyNone();",
    tests: [
      {
        file: "test/unit/credentials/source.test.ts",
        name: "keeps the last good set and says so once, after a second, when the source breaks",
      },
    ],
  },
  {
    id: "promise/6-foreign-manifest",
    row: "Promise 6: pruning never touches what this cluster's backups did not write",
    file: "src/backup/catalog.ts",
    find: "return decoded.manifest.name === nameOfRecord(key)",
    replace: "return nameOfRecord(key) !== undefined",
    tests: [{ file: prune, name: "neither counts nor touches manifests that it cannot read" }],
  },
  {
    id: "promise/6-newer-manifest",
    row: "Promise 6: a newer program's snapshots are never pruned",
    file: "src/model/manifest.ts",
    find: "if (head.success && head.data.minReader > FORMAT_VERSION) {",
    replace: "if (head.success && head.data.minReader > FORMAT_VERSION + 1000) {",
    tests: [{ file: prune, name: "neither counts nor touches manifests that it cannot read" }],
  },
  {
    id: "promise/6-last-good",
    row: "Promise 6: never the last good snapshot",
    file: "src/model/retention.ts",
    find: '...(newest ? [[newest, "newest good of its timeline"] as const] : []),',
    replace: '...(newest && newest.tick < 0 ? [[newest, "newest good of its timeline"] as const] : []),',
    tests: [{ file: retention, name: "does not let an ended timeline age away" }],
  },
  {
    id: "promise/6-suspect",
    row: "Promise 6: stops when history looks wrong",
    file: "src/model/retention.ts",
    find: "if (frozen !== undefined) return timeline.map",
    replace: 'if (frozen === "") return timeline.map',
    tests: [
      { file: retention, name: "freezes the timeline of a suspect snapshot, and no other" },
      { file: prune, name: "stands still for a timeline with a suspect snapshot until it is accepted" },
    ],
  },
  {
    id: "promise/6-brake",
    row: "Promise 6: no more than maxDeletes at once",
    file: "src/model/retention.ts",
    find: "policy.maxDeletes > 0 ? unwanted.slice(-policy.maxDeletes) : []",
    replace: "unwanted",
    tests: [{ file: prune, name: "deletes no more than maxDeletes, the oldest first" }],
  },
  {
    id: "promise/6-reason",
    row: "Promise 6: can say beforehand what it will do and why",
    file: "src/model/retention.ts",
    find: 'reasons: ["no rule keeps it"] };',
    replace: 'reasons: [""] };',
    tests: [{ file: retention, name: "says why it deletes and why it defers, oldest first, no more than maxDeletes" }],
  },
  {
    id: "promise/7-copy-missing",
    row: 'Promise 7: never "success" with a copy missing',
    file: "src/backup/run-scheduled.ts",
    find: "return failuresOf(outcomes).map(",
    replace: "return failuresOf(outcomes).slice(outcomes.length).map(",
    tests: [{ file: "test/unit/daemon/daemon.test.ts", name: "retries only the store that lacks the tick's snapshot" }],
  },
  {
    id: "promise/6-ask",
    row: "Promise 6: prune asks before it deletes",
    file: "src/cli/commands/prune.ts",
    find: "if (doomed > 0 && (yes || (await confirmed(session, doomed)))) await",
    replace: "if (doomed > 0 && (yes || session)) await",
    tests: [
      {
        file: "test/e2e/cli-manage.test.ts",
        name: "prune says beforehand what it will do and why, asks, and does just that",
      },
    ],
  },
  {
    id: "promise/7-save",
    row: "Promise 7: save fails when a copy is missing",
    file: "src/cli/commands/save.ts",
    find: "  failIfIncomplete(result);\n",
    replace: "",
    tests: [
      {
        file: "test/unit/cli/save.test.ts",
        name: "prints the copy that is stored and fails all the same when the other is missing",
      },
    ],
  },
  {
    id: "promise/7-list",
    row: "Promise 7: list fails when a store cannot be listed",
    file: "src/cli/commands/list.ts",
    find: "  if (failure) throw failure.error;\n",
    replace: "",
    tests: [
      {
        file: "test/unit/cli/list.test.ts",
        name: "shows what one store has and fails all the same when another cannot be listed",
      },
    ],
  },
  {
    id: "promise/7-exit-code",
    row: "Promise 7: whatever goes wrong has an exit code",
    file: "src/cli/exit-code.ts",
    find: "EXIT_CODE[error.code] : 1;",
    replace: "EXIT_CODE[error.code] : 0;",
    tests: [{ file: "test/unit/cli/exit-code.test.ts", name: "is 1 for what is no BackupError" }],
  },
  {
    id: "promise/6-foreign",
    row: "Promise 6: what another cluster's backups wrote",
    file: "src/backup/catalog.ts",
    find: "return uuid !== undefined && clusterUuid !== uuid;",
    replace: "return uuid === clusterUuid && clusterUuid !== uuid;",
    tests: [{ file: prune, name: "neither counts nor deletes what another cluster's backups wrote" }],
  },
  {
    id: "promise/6-future",
    row: "Promise 6: history looks wrong: behind a snapshot from the future",
    file: "src/backup/catalog.ts",
    find: "if (isInFuture(storedAt(manifest), this.store.now())) continue;",
    replace: "",
    tests: [{ file: takeBackup, name: "compares with what is newest by a right clock" }],
  },
  {
    id: "promise/6-interrupted",
    row: "Promise 6: an interruption in mid-deletion",
    file: "src/backup/delete-snapshots.ts",
    find: "      signal.throwIfAborted();\n",
    replace: "",
    tests: [{ file: prune, name: "ends with the interruption when it comes in the middle" }],
  },
  {
    id: "promise/7-none-stored",
    row: "Promise 7: a backup that no store holds has failed",
    file: "src/backup/take-backup.ts",
    find: "if (failure && others.length + 1 === outcomes.length) throw failure.error;",
    replace: "if (failure && others.length + 1 > outcomes.length) throw failure.error;",
    tests: [{ file: takeBackup, name: "leaves the intent behind when it cannot know whether the object was made" }],
  },
  {
    id: "promise/6-frozen-said",
    row: "Promise 6: pruning that stands still has not been done",
    file: "src/cli/commands/prune.ts",
    find: "    if (why === undefined) continue;\n",
    replace: "    continue;\n",
    tests: [{ file: "test/unit/cli/prune.test.ts", name: "ends with SNAPSHOT_SUSPECT when a timeline stands still" }],
  },
  {
    id: "promise/7-deleted",
    row: "Promise 7: what a versioned bucket keeps is not called deleted",
    file: "src/backup/delete-snapshots.ts",
    find: '(outcome === "versionKept" ? hidden : deleted).push(name);',
    replace: "deleted.push(name);",
    tests: [{ file: prune, name: "says of a versioned bucket that the bytes are still there" }],
  },
  {
    id: "promise/7-log",
    row: "Promise 7: a failure is logged with code, message and hint",
    file: "src/telemetry/create-telemetry.ts",
    find: "...loggable(error === undefined ? rest : { ...rest, err: error })",
    replace: "...loggable(rest)",
    tests: [
      {
        file: "test/unit/telemetry/create-telemetry.test.ts",
        name: "logs a failure with code, message and hint, and when it is tried again",
      },
    ],
  },
];
