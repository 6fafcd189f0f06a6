import type { Mutant } from "../mutant.ts";

const contract = "test/contract/object-store.test.ts";
const s3Contract = "test/contract/s3-store.test.ts";
const takeBackup = "test/unit/backup/take-backup.test.ts";

/** Runs that are ended between their last byte and their object. */
export const interruptionMutants: readonly Mutant[] = [
  {
    id: "interruption/parts-on-their-way",
    row: "Machine: SIGTERM: the intent goes when the last parts had not arrived yet",
    file: "src/s3/object-writer.ts",
    find: "    await Promise.all(this.#inFlight);\n",
    replace: "    this.#askFor();\n    await Promise.all(this.#inFlight);\n",
    tests: [
      { file: s3Contract, name: "says that no object of 8388609 bytes exists when complete() is aborted before" },
      {
        file: "test/e2e/cli-signals.test.ts",
        name: "SIGTERM when all bytes have come and parts are still on their way",
      },
    ],
  },
  {
    id: "interruption/whole-unsent",
    row: "Machine: SIGTERM: the intent goes when the only request had not been sent yet",
    file: "src/s3/object-writer.ts",
    find: "    this.#signal.throwIfAborted();\n    this.#askFor();\n",
    replace: "    this.#askFor();\n",
    tests: [{ file: s3Contract, name: "says that no object of 3 bytes exists when complete() is aborted before" }],
  },
  {
    id: "interruption/asked",
    row: "Machine: SIGTERM: the intent stays when S3 may have made the object",
    file: "src/s3/object-writer.ts",
    find: "    this.#mayExist = true;\n",
    replace: "",
    tests: [
      { file: s3Contract, name: "says that an object of 8388609 bytes may exist once complete() has asked for it" },
    ],
  },
  {
    id: "interruption/published",
    row: "Machine: SIGTERM: the intent stays when the file may have its name",
    file: "src/directory/directory-writer.ts",
    find: "    this.#mayExist = true;\n",
    replace: "",
    tests: [{ file: contract, name: "says that an object of 3 bytes may exist once complete() has asked for it" }],
  },
  {
    id: "interruption/spooled",
    row: "Machine: SIGTERM: a spool does not hide that the object may exist",
    file: "src/wrap/spooled-writer.ts",
    find: "return this.#parts.inner.mayExist;",
    replace: "return false;",
    tests: [{ file: "test/unit/wrap/spooled-writer.test.ts", name: "says of the object what its writer says" }],
  },
  {
    id: "interruption/intent-goes",
    row: "Machine: SIGTERM: the intent goes when completing had only begun",
    file: "src/backup/upload.ts",
    find: "  const manifest = describe(await upload.writer.complete());\n",
    replace:
      '  Object.defineProperty(upload.writer, "mayExist", { value: true, writable: true });\n  const manifest = describe(await upload.writer.complete());\n',
    tests: [{ file: takeBackup, name: "removes the intent when completing ends before the object can have been made" }],
  },
];
