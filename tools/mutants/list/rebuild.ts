import type { Mutant } from "../mutant.ts";

const rebuilds = "test/unit/rebuild/rebuild-manifests.test.ts";
const imports = "test/unit/rebuild/import-snapshots.test.ts";

/** `rebuild`: what it must leave out, and what it must not touch. */
export const rebuildMutants: readonly Mutant[] = [
  {
    id: "rebuild/corrupt",
    row: "rebuild: a snapshot that would not restore gets no manifest",
    file: "src/rebuild/rebuild-manifests.ts",
    find: 'if (finding) return { outcome: "left out", why: finding.message, corrupt: true };',
    replace: 'if (finding === null) return { outcome: "left out" };',
    tests: [{ file: rebuilds, name: "leaves out what would not restore" }],
  },
  {
    id: "rebuild/digest",
    row: "rebuild: a digest that is wrong",
    file: "src/rebuild/examine.ts",
    find: "sha256 === trailer ? [] :",
    replace: 'sha256 !== "" ? [] :',
    tests: [{ file: "test/unit/rebuild/examine.test.ts", name: "finds a value that was changed" }],
  },
  {
    id: "rebuild/dry",
    row: "rebuild: a dry run writes nothing",
    file: "src/rebuild/rebuild-manifests.ts",
    find: "if (identity && !dryRun) {",
    replace: "if (identity && (dryRun || true)) {",
    tests: [{ file: rebuilds, name: "only says what it would do on a dry run" }],
  },
  {
    id: "rebuild/under-way",
    row: "rebuild: a run that is under way",
    file: "src/rebuild/rebuild-manifests.ts",
    find: "if (isUnderWay) return",
    replace: "if (isUnderWay && options.force) return",
    tests: [{ file: rebuilds, name: "leaves out what a run that is under way speaks of" }],
  },
  {
    id: "rebuild/foreign",
    row: "rebuild: what another cluster wrote",
    file: "src/rebuild/rebuild-manifests.ts",
    find: "if (identity && uuid !== undefined && uuid !== identity.uuid)",
    replace: 'if (identity && uuid === "")',
    tests: [{ file: rebuilds, name: "leaves out what another cluster wrote" }],
  },
  {
    id: "rebuild/young",
    row: "rebuild: what another node may be about to finish",
    file: "src/rebuild/rebuild-manifests.ts",
    find: "return age < SETTLED_MS && !options.force ?",
    replace: "return age < 0 && !options.force ?",
    tests: [{ file: rebuilds, name: "leaves out what is younger than an hour" }],
  },
  {
    id: "rebuild/replaced",
    row: "rebuild: an object that is replaced while it is imported",
    file: "src/rebuild/import-snapshots.ts",
    find: 'if (hash.digest("hex") !== examined.storedSha256)',
    replace: 'if (hash.digest("hex") === "")',
    tests: [{ file: imports, name: "refuses an object that is replaced while it is copied" }],
  },
  {
    id: "rebuild/again",
    row: "rebuild: a second import adds nothing",
    file: "src/rebuild/import-snapshots.ts",
    find: 'return { from, outcome: "there already", name };',
    replace: "await store.head(manifest, signal);",
    tests: [{ file: imports, name: "finds them there the second time" }],
  },
];
