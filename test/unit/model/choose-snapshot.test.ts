import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Candidate, chooseSnapshot, lossOf, type Wish } from "../../../src/model/choose-snapshot.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import { BackupLab } from "../../support/backup-lab.ts";

const DAY = "2026-11-25T";
const NOW = Date.parse(`${DAY}12:00:00Z`);
const at = (time: string): Wish => ({ kind: "time", time: Date.parse(`${DAY}${time}Z`) });

describe("chooseSnapshot()", () => {
  let template: Manifest;

  before(async () => {
    template = await new BackupLab().manifest();
  });

  interface Times {
    readonly started?: string;
    readonly finished: string;
    readonly stored?: string;
    readonly revision?: string;
    readonly timeline?: string;
  }

  function candidate(name: string, times: Times, state: Partial<Candidate> = {}): Candidate {
    const { finished, started = finished, stored = finished, revision = "1", timeline = "1" } = times;
    const [startedAt, finishedAt, storedAt] = [started, finished, stored].map((time) => `${DAY}${time}Z`);
    const suspect = state.suspect ? ["revision went back"] : [];
    const manifest = { ...template, name, revision, timeline, suspect };
    return {
      manifest: { ...manifest, startedAt: startedAt ?? "", finishedAt: finishedAt ?? "", storedAt: storedAt ?? "" },
      good: true,
      suspect: false,
      ...state,
    };
  }

  const chosen = (candidates: readonly Candidate[], wish: Wish, force = false): string | undefined =>
    chooseSnapshot(candidates, { wish, now: NOW, force }).chosen?.manifest.name;

  it("takes the newest by the service's clock, whatever the nodes' clocks said", () => {
    const slow = candidate("slow", { finished: "03:00:00", stored: "10:00:00" });
    const fast = candidate("fast", { finished: "11:00:00", stored: "09:00:00" });
    assert.equal(chosen([slow, fast], { kind: "latest" }), "slow");
  });

  it("takes for a moment the newest that was finished by then, never a later one", () => {
    const all = [
      candidate("one", { finished: "01:00:00" }),
      candidate("two", { started: "01:59:00", finished: "02:01:00" }),
      candidate("three", { finished: "03:00:00" }),
    ];
    assert.equal(chosen(all, at("02:00:59.999")), "one");
    assert.equal(chosen(all, at("02:01:00")), "two");
    assert.equal(chosen(all, at("23:00:00")), "three");
    assert.equal(chosen(all, at("00:59:59")), undefined);
  });

  it("passes over what is broken, suspect or of the future, and says why", () => {
    const all = [
      candidate("good", { finished: "01:00:00" }),
      candidate("broken", { finished: "02:00:00" }, { good: false }),
      candidate("suspect", { finished: "03:00:00" }, { suspect: true }),
      candidate("future", { finished: "04:00:00", stored: "12:06:00" }),
    ];
    const { chosen: found, passedOver } = chooseSnapshot(all, { wish: { kind: "latest" }, now: NOW, force: false });
    assert.equal(found?.manifest.name, "good");
    assert.deepEqual(
      passedOver.map(({ candidate: { manifest }, why }) => [manifest.name, why]),
      [
        ["future", "it claims to be stored in the future, at 2026-11-25T12:06:00Z"],
        ["suspect", "it is suspect: revision went back"],
        ["broken", "its object is missing or has another size"],
      ],
    );
    assert.equal(chosen(all, { kind: "latest" }, true), "suspect");
  });

  it("tells all that was passed over when nothing is left", () => {
    const all = [candidate("a", { finished: "01:00:00" }, { good: false })];
    const { chosen: found, passedOver, next } = chooseSnapshot(all, { wish: at("05:00:00"), now: NOW, force: true });
    assert.deepEqual([found, passedOver.length, next], [undefined, 1, undefined]);
  });

  it("tells what is lost: the span from when the stream began, and revisions as far as the next snapshot knows", () => {
    const all = [
      candidate("a", { started: "01:59:30", finished: "02:00:00", revision: "100" }),
      candidate("c", { finished: "04:00:00", revision: "900" }),
      candidate("b", { finished: "03:00:00", revision: "140" }),
    ];
    const { chosen: found, next } = chooseSnapshot(all, { wish: at("02:30:00"), now: NOW, force: false });
    assert.ok(found);
    assert.deepEqual(lossOf(found, next, 7), { since: Date.parse(`${DAY}01:59:30Z`), until: 7, revisions: 40n });
    assert.equal(lossOf(found, undefined, 7).revisions, undefined);
  });

  it("knows no revisions across timelines", () => {
    const a = candidate("a", { finished: "01:00:00", revision: "100" });
    const b = candidate("b", { finished: "02:00:00", revision: "40", timeline: "2" });
    assert.equal(lossOf(a, b, 7).revisions, undefined);
  });
});
