import type { Mutant, TestName } from "./mutant.ts";
import type { TestOutcome } from "./reporter.ts";

/** What became of a mutant. Everything but "killed" is a hole: in the tests, or in the list of mutants. */
export type Verdict =
  | { readonly state: "killed" }
  | { readonly state: "SURVIVED"; readonly test: TestName }
  | { readonly state: "test missing" | "test fails without it" | "nothing ran"; readonly test: TestName };

/** Why a test cannot judge: it is not there, or fails for another reason already. */
export function judgeBaseline(test: TestName, outcomes: readonly TestOutcome[]): Verdict | undefined {
  const own = outcomes.filter(({ name }) => name.includes(test.name));
  if (own.length === 0) return { state: "test missing", test };
  return own.every(({ passed }) => passed) ? undefined : { state: "test fails without it", test };
}

/** A test that did not run, since the file broke as a whole, has noticed nothing. */
export function judgeMutant(test: TestName, outcomes: readonly TestOutcome[]): Verdict {
  const own = outcomes.filter(({ name }) => name.includes(test.name));
  if (own.length === 0) return { state: "nothing ran", test };
  return own.some(({ passed }) => !passed) ? { state: "killed" } : { state: "SURVIVED", test };
}

/** Objections to the list itself: it must be kept true. */
export function objections(mutants: readonly Mutant[], textOf: (file: string) => string | undefined): string[] {
  return mutants.flatMap(({ id, file, find, replace }, index) => {
    if (mutants.findIndex((other) => other.id === id) !== index) return [`${id}: the id stands there twice`];
    if (find === replace) return [`${id}: it changes nothing`];
    const count = (textOf(file)?.split(find).length ?? 0) - 1;
    if (count < 0) return [`${id}: there is no ${file}`];
    return count === 1 ? [] : [`${id}: the text to find stands ${count} times in ${file}`];
  });
}
