import type { TestEvent } from "node:test/reporters";

/** How one test ended. */
export interface TestOutcome {
  /** With the names of the suites around it before its own, as `--test-name-pattern` sees it. */
  readonly name: string;
  readonly passed: boolean;
}

/** A reporter for `node --test`: one line of JSON for each test. A test file that breaks as a whole is none. */
// biome-ignore lint/style/noDefaultExport: node:test takes a reporter as a module's default export
export default async function* reportOutcomes(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = [];
  for await (const { type, data } of source) {
    if (type === "test:start") names.splice(data.nesting, names.length, data.name);
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details.type === "suite" || data.name === data.file) continue;
    const outcome: TestOutcome = {
      name: [...names.slice(0, data.nesting), data.name].join(" "),
      passed: type === "test:pass",
    };
    yield `${JSON.stringify(outcome)}\n`;
  }
}
