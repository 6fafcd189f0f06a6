import type { Mutant } from "../mutant.ts";

const e2eRotation = "test/e2e/rotation.test.ts";
const rotation = "test/integration/s3-rotation.test.ts";
const failure = "test/unit/s3/failure.test.ts";
const gate = "test/unit/s3/identity-gate.test.ts";
const trial = "test/unit/credentials/trial.test.ts";
const source = "test/unit/credentials/source.test.ts";
const requests = "test/unit/s3/requests.test.ts";
const settled = "test/unit/credentials/settled-files.test.ts";
const watch = "test/unit/credentials/watch.test.ts";
const renewed = "test/unit/credentials/renewed-set.test.ts";
const process = "test/unit/credentials/process.test.ts";
const providers = "test/integration/credentials-providers.test.ts";
const unused = "test/unit/credentials/unused-file.test.ts";
const redact = "test/unit/credentials/redact.test.ts";

/** Keys that change while they are in use. */
export const rotationMutants: readonly Mutant[] = [
  {
    id: "rotation/built-program",
    row: "Rotation: the key is revoked first, against the built program",
    file: "src/s3/failure.ts",
    find: '  "InvalidAccessKeyId",\n',
    replace: "",
    tests: [{ file: e2eRotation, name: "does not cost the run when the file is renamed over" }],
  },
  {
    id: "rotation/revoked-first",
    row: "Rotation: the key is revoked first, its successor written seconds later",
    file: "src/s3/requests.ts",
    find: "const HOLD_MS = 60_000;",
    replace: "const HOLD_MS = 500;",
    tests: [
      {
        file: rotation,
        name: "a key revoked 3 s before its successor comes does not cost an upload with 4 parts in flight",
      },
    ],
  },
  {
    id: "rotation/denied-in-upload",
    row: "Rotation: a plain 403 in the middle of an upload",
    file: "src/s3/failure.ts",
    find: '  if (uploading && status === 403 && code === "AccessDenied") return "credentials";\n',
    replace: "",
    tests: [{ file: failure, name: "sorts 403 AccessDenied in an upload as credentials" }],
  },
  {
    id: "rotation/in-flight",
    row: "Rotation: 4 parts in flight are refused together: one question",
    file: "src/s3/identity-gate.ts",
    find: "if (this.#pending === undefined || !sameIdentity(this.#pending.identity, rejection.identity)) {",
    replace: "if (this.#source) {",
    tests: [{ file: gate, name: "asks once for all requests that one identity had signed" }],
  },
  {
    id: "rotation/in-flight-refusals",
    row: "Rotation: 4 parts in flight are refused together: one refusal",
    file: "src/credentials/trial.ts",
    find: "if (!candidate || (candidate.refusals > 0 && now < candidate.retryAt)) return undefined;",
    replace: "if (!candidate) return undefined;",
    tests: [{ file: trial, name: "Trial.refuse() counts the parts that are refused together as one refusal" }],
  },
  {
    id: "rotation/waits",
    row: "Rotation: waits for the successor",
    file: "src/credentials/source.ts",
    find: "if (left <= 0) throw this.#rejected(identity, cause);",
    replace: "if (left <= waitMs) throw this.#rejected(identity, cause);",
    tests: [{ file: source, name: "waits for a new set, and reads with urgency, when it is written 5 s later" }],
  },
  {
    id: "rotation/sdk-cache",
    row: "Rotation: both keys under one upload id: the SDK must ask again",
    file: "src/s3/client.ts",
    find: "return Object.assign(provide, { memoized: true });",
    replace: "return provide;",
    tests: [
      {
        file: rotation,
        name: "a key revoked 3 s before its successor comes does not cost an upload with 4 parts in flight",
      },
    ],
  },
  {
    id: "rotation/attempts",
    row: "Rotation: a refused key is no failed attempt",
    file: "src/s3/requests.ts",
    find: 'if (failure.kind === "credentials" && tally.replacements++ < MAX_REPLACEMENTS) {',
    replace: 'if (failure.kind === "credentials" && ++tally.failures < MAX_REPLACEMENTS) {',
    tests: [{ file: requests, name: "does not count refused credentials as failed attempts" }],
  },
  {
    id: "rotation/truncate-and-write",
    row: "Rotation: two-step truncate and write",
    file: "src/credentials/settled-files.ts",
    find: "if (!sameTexts(files, again)) since = this.#clock.monotonic();",
    replace: "if (!sameTexts(files, again)) since = began;",
    tests: [{ file: settled, name: "yields the old set or the new one whole, however a write is interleaved with it" }],
  },
  {
    id: "rotation/watch-files",
    row: "Rotation: rename, delete and create",
    file: "src/credentials/watch.ts",
    find: "watch([...paths], { ignoreInitial: true }),",
    replace: "watch([], { ignoreInitial: true }),",
    tests: [{ file: watch, name: "watches the files themselves and the directories above, for their names alone" }],
  },
  {
    id: "rotation/watch-swap",
    row: "Rotation: symlink swap",
    file: "src/credentials/watch.ts",
    find: '!names.has(path) && basename(path) !== "..data"',
    replace: '!names.has(path) || basename(path) === "..data"',
    tests: [{ file: watch, name: "watches the files themselves and the directories above, for their names alone" }],
  },
  {
    id: "rotation/watch-directory",
    row: "Rotation: directory appearing",
    file: "src/credentials/watch.ts",
    find: "[dirname(path), dirname(dirname(path))]",
    replace: "[dirname(path)]",
    tests: [{ file: watch, name: "watches the files themselves and the directories above, for their names alone" }],
  },
  {
    id: "rotation/poll",
    row: "Rotation: a hint that was lost",
    file: "src/credentials/source.ts",
    find: "return Math.max(retryMs, Math.min(this.#pollMs, renewIn));",
    replace: "return Math.max(retryMs, Math.min(9e9, renewIn));",
    tests: [{ file: source, name: "reads again every 60 s, and every second while that fails" }],
  },
  {
    id: "rotation/retry",
    row: "Rotation: a bad file is read again each second",
    file: "src/credentials/source.ts",
    find: "    if (this.#failure) return retryMs;\n",
    replace: "",
    tests: [{ file: source, name: "reads again every 60 s, and every second while that fails" }],
  },
  {
    id: "rotation/renew",
    row: "Rotation: a session is renewed ahead of its expiry",
    file: "src/credentials/source.ts",
    find: "Math.min(this.#pollMs, renewIn)",
    replace: "this.#pollMs",
    tests: [{ file: source, name: "reads again ahead of the expiry" }],
  },
  {
    id: "rotation/renew-ahead",
    row: "Rotation: a session is renewed minutes ahead",
    file: "src/credentials/renewed-set.ts",
    find: "return expiresAt - Math.min(renewAheadMs, Math.max(0, expiresAt - now) / 2);",
    replace: "return expiresAt;",
    tests: [
      { file: renewed, name: "renewalTime() is five minutes ahead, or at half of what is left when that is sooner" },
    ],
  },
  {
    id: "rotation/hung",
    row: "Rotation: whoever gives the credentials does not answer",
    file: "src/credentials/renewed-set.ts",
    find: "await withDeadline(bound, this.#fetch, signal);",
    replace: "await this.#fetch(signal);",
    tests: [{ file: renewed, name: "gives one that hangs up after a minute, ends it, and asks anew" }],
  },
  {
    id: "rotation/hung-program",
    row: "Rotation: a credential_process that hangs",
    file: "src/credentials/process.ts",
    find: 'kill(-program.pid, "SIGKILL")',
    replace: 'kill(program.pid, "SIGKILL")',
    tests: [{ file: process, name: "kills a command that hangs, with what that has started, when its signal aborts" }],
  },
  {
    id: "rotation/hung-source",
    row: "Rotation: the credential_process of a role's source profile hangs",
    file: "src/credentials/sdk-programs.ts",
    find: '  program.kill("SIGKILL");\n',
    replace: "",
    tests: [{ file: providers, name: "ends the credential_process of a role's source profile that hangs" }],
  },
  {
    id: "rotation/hung-interrupted",
    row: "Rotation: interrupted while whoever gives the credentials does not answer",
    file: "src/credentials/source.ts",
    find: 'await abortable(this.#reader.read("rejected"), signal);',
    replace: 'await this.#reader.read("rejected");',
    tests: [{ file: source, name: "rejects with the signal's reason while whoever gives the credentials does not" }],
  },
  {
    id: "rotation/private-authority",
    row: "Rotation: a role of a service with an authority of its own",
    file: "src/credentials/sdk.ts",
    find: "isStoreToo(endpoint, config, environment) ? trustOf(config) : {}",
    replace: "{}",
    tests: [
      { file: providers, name: "trusts who assumes the role when it is $AWS_ENDPOINT_URL and s3 has endpointCA" },
    ],
  },
  {
    id: "rotation/other-authority",
    row: "Rotation: a role of another service is not trusted for it",
    file: "src/credentials/sdk.ts",
    find: "isStoreToo(endpoint, config, environment) ? trustOf(config) : {}",
    replace: "trustOf(config)",
    tests: [
      { file: providers, name: "does not trust who assumes the role when it is $AWS_ENDPOINT_URL and s3 has skipTLS" },
    ],
  },
  {
    id: "rotation/broken-at-start",
    row: "Rotation: a file that is no INI at the start is no step down to the role",
    file: "src/credentials/latch.ts",
    find: "return broken || holdsProfile(",
    replace: "return holdsProfile(",
    tests: [{ file: providers, name: "never tries the machine's role when the file is no INI at the start" }],
  },
  {
    id: "rotation/empty-told",
    row: "Rotation: an empty file at the start is named, though it counts as absent",
    file: "src/credentials/latch.ts",
    find: "      this.#unused = describeUnused(profiles, name);\n",
    replace: "",
    tests: [{ file: providers, name: "names the empty file beside the role that there is not when both give nothing" }],
  },
  {
    id: "rotation/other-profiles-told",
    row: "Rotation: profiles that could be asked for instead are named",
    file: "src/credentials/unused-file.ts",
    find: "profiles: profileNames(files).filter((other) => other !== name),",
    replace: "profiles: profileNames(files).filter(() => false),",
    tests: [{ file: unused, name: "names the section that is missing, and the profiles of both files" }],
  },
  {
    id: "rotation/wrong-successor",
    row: "Rotation: a successor that is refused does not replace what is accepted",
    file: "src/credentials/trial.ts",
    find: "return replaced ? undefined : previous;",
    replace: "return undefined;",
    tests: [
      { file: trial, name: "Trial falls back to the accepted set when the newest is refused" },
      { file: source, name: "returns to the accepted set when its successor is refused" },
    ],
  },
  {
    id: "rotation/replaced",
    row: "Rotation: a replaced key does not come back",
    file: "src/credentials/trial.ts",
    find: "return replaced ? undefined : previous;",
    replace: "return previous;",
    tests: [{ file: trial, name: "Trial forgets the replaced set a minute after its successor was accepted" }],
  },
  {
    id: "rotation/young",
    row: "Rotation: a successor that the service has yet to learn of",
    file: "src/credentials/trial.ts",
    find: "now - newest.offeredAt < graceMs",
    replace: "now < newest.offeredAt",
    tests: [
      { file: trial, name: "Trial tries a successor again for a minute when the set before it is refused as well" },
    ],
  },
  {
    id: "rotation/vanished",
    row: "Rotation: a file that vanishes is no step down to the role",
    file: "src/credentials/latch.ts",
    find: "this.#chosen ??= await this.#choose(signal);",
    replace: "this.#chosen = await this.#choose(signal);",
    tests: [{ file: providers, name: "never steps down to the machine's role when the file vanishes" }],
  },
  {
    id: "rotation/section-vanished",
    row: "Rotation: a section that vanishes is no step down to the config file",
    file: "src/credentials/shared-file.ts",
    find: "    this.#requireSameOrigin(profile);\n",
    replace: "",
    tests: [{ file: providers, name: "never steps down to the config file's keys when its section vanishes" }],
  },
  {
    id: "rotation/secret-told",
    row: "Rotation: a refusal never tells the secret",
    file: "src/credentials/redact.ts",
    find: '.reduce((rest, secret) => rest.replaceAll(secret, "…"), text)',
    replace: ".reduce((rest) => rest, text)",
    tests: [{ file: redact, name: "redact() hides known secrets, whatever is as long as one, and line breaks" }],
  },
];
