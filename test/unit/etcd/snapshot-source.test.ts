import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { systemClock } from "../../../src/app/system-clock.ts";
import { Config } from "../../../src/config/schema.ts";
import { createSnapshotSource } from "../../../src/etcd/snapshot-source.ts";
import type { SnapshotOrigin } from "../../../src/ports/snapshot-source.ts";
import { eventually } from "../../support/eventually.ts";
import { type FakeMember, type Read, startFakeMember } from "./fake-member.ts";

const LEADER = 3;
const soon = { timeoutMs: 2_000, intervalMs: 1 };

describe("choose() among two followers and the leader", () => {
  let running = new AsyncDisposableStack();
  afterEach(async () => {
    await running.disposeAsync();
    running = new AsyncDisposableStack();
  });

  /** Members 1 to 3; the reads that each does not answer. */
  async function start(...silent: readonly (readonly Read[])[]): Promise<FakeMember[]> {
    const members = silent.map(async (reads, index) =>
      running.use(await startFakeMember({ id: index + 1, leader: LEADER, silent: reads })),
    );
    return await Promise.all(members);
  }

  async function choose(members: readonly FakeMember[]): Promise<SnapshotOrigin> {
    const { etcd: config } = Config.parse({ etcd: { endpoints: members.map(({ endpoint }) => endpoint) } });
    const source = running.use(createSnapshotSource({ config, clock: systemClock }));
    return await source.choose(new Set(), new AbortController().signal);
  }

  it("counts the keys through the one that it takes, and through no other", async () => {
    const members = await start([], [], []);
    const origin = await choose(members);

    assert.deepEqual(
      [origin.member.memberId, origin.linearized, origin.readRevision, origin.liveKeys],
      ["1", true, 9n, 7],
    );
    assert.deepEqual(
      members.map(({ asked }) => asked.includes("count")),
      [true, false, false],
    );
  });

  it("does not wait for one that is silent when a better one answers", async () => {
    const { member } = await choose(await start([], ["confirm"], ["confirm"]));

    assert.equal(member.memberId, "1");
  });

  it("waits for all that are silent at once, not for one after the other", async () => {
    const members = await start(["confirm"], ["confirm"], []);
    const chosen = choose(members);
    await eventually(() => members.every(({ asked }) => asked.includes("confirm")), soon);
    for (const member of members) member.giveUp("confirm");

    const { member, linearized } = await chosen;
    assert.deepEqual([member.memberId, linearized], ["3", true]);
  });

  it("takes the next when one confirms and does not count", async () => {
    const members = await start(["count"], [], []);
    const chosen = choose(members);
    await eventually(() => members[0]?.asked.includes("count"), soon);
    members[0]?.giveUp("count");

    const { member, linearized } = await chosen;
    assert.deepEqual([member.memberId, linearized], ["2", true]);
  });

  it("asks all at once what they have alone when there is no quorum", async () => {
    const members = await start(["confirm", "alone"], ["confirm", "alone"], ["confirm"]);
    const chosen = choose(members);
    for (const read of ["confirm", "alone"] as const) {
      await eventually(() => members.every(({ asked }) => asked.includes(read)), soon);
      for (const member of members) member.giveUp(read);
    }

    const { member, linearized, liveKeys } = await chosen;
    assert.deepEqual([member.memberId, linearized, liveKeys], ["3", false, 7]);
  });
});
