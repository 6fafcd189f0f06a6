import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { Config, type RetentionConfig } from "../../../src/config/schema.ts";
import { planRetention, type RetentionCandidate } from "../../../src/model/retention.ts";

const page = readFileSync(new URL("../../../docs/retention.md", import.meta.url), "utf8");

interface Example {
  readonly title: string;
  readonly now: number;
  readonly policy: RetentionConfig;
  readonly rows: readonly Readonly<Record<string, string>>[];
}

const instant = (text: string): number => Date.parse(`${text.replace(" ", "T")}Z`);
const cells = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Each "At … UTC:", with the block of YAML and the table that follow it. */
function examples(): Example[] {
  const pattern = /At (\d{4}-\d\d-\d\d \d\d:\d\d) UTC:\n\n```yaml\n([^`]*)```\n\n((?:\|.*\n)+)/g;
  return [...page.matchAll(pattern)].map(([whole, now = "", yaml = "", table = ""]) => {
    const [head = "", , ...body] = table.trim().split("\n");
    return {
      title:
        page
          .slice(0, page.indexOf(whole))
          .match(/^#+ (.*)$/gm)
          ?.at(-1)
          ?.replace(/^#+ /, "") ?? "",
      now: instant(now),
      policy: Config.parse(parse(yaml)).retention,
      rows: body.map((line) => {
        const values = cells(line);
        return Object.fromEntries(cells(head).map((name, index) => [name, values[index] ?? ""]));
      }),
    };
  });
}

function candidate(row: Readonly<Record<string, string>>): RetentionCandidate {
  const { stored = "", tick = stored, kind, timeline = "only", state = "" } = row;
  const locked = /^locked until (.*)$/.exec(state)?.[1];
  assert.ok(["", "damaged", "suspect"].includes(state) || locked !== undefined, state);
  return {
    name: stored.replace(" ", "T"),
    tick: instant(tick),
    kind: kind === "on-demand" ? kind : "scheduled",
    timeline,
    storedAt: instant(stored),
    suspect: state === "suspect",
    good: state !== "damaged",
    lockedUntil: locked === undefined ? undefined : Date.parse(locked),
  };
}

describe("docs/retention.md", () => {
  const all = examples();

  it("has its examples where this test finds them", () => {
    assert.equal(all.length, page.match(/^At \d/gm)?.length);
    assert.equal(all.length, 7);
  });

  it("shows the defaults of the schema", () => {
    const shown = /```yaml\n(retention:\n[^`]*)```/.exec(page)?.[1] ?? "";
    assert.deepEqual(Config.parse(parse(shown)).retention, Config.parse({}).retention);
    assert.deepEqual(Object.keys(parse(shown).retention), Object.keys(Config.parse({}).retention));
  });

  for (const { title, now, policy, rows } of all) {
    it(`tells the truth in "${title}"`, () => {
      const plan = planRetention(rows.map(candidate), policy, now);
      assert.deepEqual(
        plan.map(({ action, reasons }) => (action === "keep" ? `keep: ${reasons.join(", ")}` : action)),
        rows.map(({ decision }) => decision),
      );
    });
  }
});
