/** A small change that removes the handling of one case, and the tests that must then fail. */
export interface Mutant {
  /** Area and case: `s3/stall`. The area is the name of its list. */
  readonly id: string;
  /** The case of the trouble table, or the promise (`docs/mutants.md`), that is no longer kept. */
  readonly row: string;
  readonly file: string;
  /** Text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly [TestName, ...TestName[]];
}

/** A test file, and a piece of a test's full name (its suites' names before it) that tells it from the others. */
export interface TestName {
  readonly file: string;
  readonly name: string;
}

/** Tests that need etcd, S3 or the built program. */
export function needsServers({ file }: TestName): boolean {
  return !file.startsWith("test/unit/");
}
