import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FileText } from "../../../src/credentials/file-text.ts";
import { parseIni } from "../../../src/credentials/ini.ts";
import { resolveProfile } from "../../../src/credentials/profile.ts";
import { SettledFiles } from "../../../src/credentials/settled-files.ts";
import type { Identity } from "../../../src/ports/credentials.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const path = "/credentials";
const { signal } = new AbortController();

/** A file whose text, or absence, changes as the clock goes. */
class ScriptedFile {
  reads = 0;
  readonly #clock: FakeClock;
  readonly #steps: readonly { readonly at: number; readonly text: string | undefined }[];

  constructor(clock: FakeClock, steps: ScriptedFile["steps"]) {
    this.#clock = clock;
    this.#steps = steps;
  }

  get steps() {
    return this.#steps;
  }

  read = async (): Promise<FileText> => {
    this.reads += 1;
    const step = this.#steps.findLast(({ at }) => at <= this.#clock.monotonic());
    if (step?.text === undefined) return { kind: "absent", path };
    const changedAt = this.#clock.now() - this.#clock.monotonic() + step.at;
    return { kind: "text", path, text: step.text, changedAt, exposed: false };
  };
}

/** Reads while the clock goes on in small steps, for as long as the reading takes and at most `ms`. */
async function readWithin(settled: SettledFiles, clock: FakeClock, ms: number): Promise<string | undefined> {
  let done = false;
  const reading = settled.read(signal).then(([file]) => (file?.kind === "text" ? file.text : undefined));
  reading.finally(() => (done = true)).catch(() => {});
  const end = clock.monotonic() + ms;
  do await clock.advance(Math.min(20, end - clock.monotonic()));
  while (!done && clock.monotonic() < end);
  return await reading;
}

test("SettledFiles.read() takes 100 ms when the file stays the same, and no time when it is the text of before", async () => {
  const clock = new FakeClock();
  const file = new ScriptedFile(clock, [{ at: -5_000, text: "a\n" }]);
  const settled = new SettledFiles([path], file.read, clock);

  assert.equal(await readWithin(settled, clock, 100), "a\n");
  assert.equal(file.reads, 2);
  assert.equal(await readWithin(settled, clock, 0), "a\n");
  assert.equal(file.reads, 3);
});

test("SettledFiles.read() waits for the writer when the text changes between two reads", async () => {
  const clock = new FakeClock();
  const file = new ScriptedFile(clock, [
    { at: -5_000, text: "old\n" },
    { at: 50, text: "" },
    { at: 140, text: "ne" },
    { at: 220, text: "new\n" },
  ]);

  assert.equal(await readWithin(new SettledFiles([path], file.read, clock), clock, 500), "new\n");
});

test("SettledFiles.read() waits a second when a text written just now ends in mid-line", async () => {
  const clock = new FakeClock();
  const file = new ScriptedFile(clock, [
    { at: 0, text: "secret = abc" },
    { at: 900, text: "secret = abcdef\n" },
  ]);

  assert.equal(await readWithin(new SettledFiles([path], file.read, clock), clock, 2_000), "secret = abcdef\n");
});

test("SettledFiles.read() takes 100 ms when a text that ends in mid-line is old", async () => {
  const clock = new FakeClock();
  const file = new ScriptedFile(clock, [{ at: -1_500, text: "secret = abc" }]);

  assert.equal(await readWithin(new SettledFiles([path], file.read, clock), clock, 100), "secret = abc");
});

test("SettledFiles.read() rejects with CREDENTIALS_INVALID when the text never stays the same", async () => {
  const clock = new FakeClock();
  const steps = Array.from({ length: 100 }, (_, index) => ({ at: index * 90, text: `${index}\n` }));
  const settled = new SettledFiles([path], new ScriptedFile(clock, steps).read, clock);

  await assert.rejects(readWithin(settled, clock, 5_000), { code: "CREDENTIALS_INVALID", message: /changes while/ });
});

const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,12}$/);
const set = fc.record({ id: word, secret: word, token: fc.option(word, { nil: undefined }) });
const layouts = [
  (lines: string[]) => `[default]\n${lines.join("\n")}\n`,
  (lines: string[]) => `[default]\n${lines.join("\n")}`,
  (lines: string[]) =>
    `# kept by hand\n\n[other]\nregion = x\n[default]\r\n${lines.join("\r\n")}\r\n[last]\nregion = y\n`,
];
const fileText = fc
  .tuple(set, fc.constantFrom(...layouts), fc.boolean())
  .map(([{ id, secret, token }, layout, reverse]) => {
    const lines = [`aws_access_key_id = ${id}`, `aws_secret_access_key = ${secret}`];
    if (token !== undefined) lines.push(`aws_session_token = ${token}`);
    return layout(reverse ? lines.toReversed() : lines);
  });

/** The states that a file passes through while `text` is written: line by line, and cut at places from its end. */
function statesOf(
  text: string,
  cuts: readonly number[],
  way: "truncate" | "create" | "rename",
): (string | undefined)[] {
  if (way === "rename") return [text];
  const lines = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  const lengths = new Set([...lines, ...cuts.map((cut) => Math.max(0, text.length - cut)), text.length]);
  const written = [...lengths].sort((one, other) => one - other).map((length) => text.slice(0, length));
  return [way === "create" ? undefined : "", ...written.filter((part) => part !== "")];
}

const writing = fc.record({
  old: fileText,
  next: fileText,
  way: fc.constantFrom("truncate" as const, "create" as const, "rename" as const),
  cuts: fc.array(fc.nat(60), { maxLength: 8 }),
  /** Pauses of a writer: below the 100 ms for which a text has to stay the same. */
  pauses: fc.array(fc.integer({ min: 20, max: 95 }), { minLength: 10, maxLength: 10 }),
  start: fc.nat(100),
});

function identityOf(text: string): Identity | undefined {
  try {
    const profile = resolveProfile({ credentials: { path, ini: parseIni(text) }, config: undefined }, "default");
    return profile.kind === "static" ? profile.identity : undefined;
  } catch {
    return undefined;
  }
}

test("SettledFiles.read() yields the old set or the new one whole, however a write is interleaved with it", async () => {
  await fc.assert(
    fc.asyncProperty(writing, async ({ old, next, way, cuts, pauses, start }) => {
      const clock = new FakeClock();
      let at = start;
      const states = statesOf(next, cuts, way).map((text, index) => {
        at += pauses[index % pauses.length] ?? 0;
        return { at, text };
      });
      const file = new ScriptedFile(clock, [{ at: -10_000, text: old }, ...states]);
      const settled = new SettledFiles([path], file.read, clock);
      const whole = [old, next].map(identityOf);

      await clock.advance(start);
      while (clock.monotonic() < at + 1_000) {
        const text = await readWithin(settled, clock, 4_000).catch(() => undefined);
        const identity = text === undefined ? undefined : identityOf(text);
        if (identity) assert.ok(whole.some((expected) => JSON.stringify(expected) === JSON.stringify(identity)));
      }
    }),
    { numRuns: 60 },
  );
});
