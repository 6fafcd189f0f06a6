import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rankCandidates, toCandidate } from "../../../src/etcd/candidates.ts";

type Status = Parameters<typeof toCandidate>[1];

describe("toCandidate()", () => {
  it("reads a status as etcd sends it", () => {
    const errors = ["memberID:10276657743932975437 alarm:NOSPACE ", "etcdserver: no leader", "alarm:NOSPACE "];
    const candidate = toCandidate("http://a:2379", { ...status("10276657743932975437"), errors, dbSizeInUse: "7" });

    assert.deepEqual(candidate, {
      member: {
        endpoint: "http://a:2379",
        clusterId: "cdf818194e3a8c32",
        memberId: "8e9e05c52164694d",
        memberName: "",
        etcdVersion: "3.5.16",
        isLeader: false,
        dbSize: 20_480,
        dbSizeInUse: 7,
        alarms: ["NOSPACE"],
      },
      isLearner: false,
      hasLeader: true,
      isCorrupt: false,
      raftIndex: 5000,
      appliedIndex: 5000,
    });
  });
});

describe("rankCandidates()", () => {
  for (const { name, statuses, avoid = [], expected } of [
    {
      name: "prefers a follower in step to the leader",
      statuses: [status("1", { leader: "1" }), status("2", { leader: "1", raftAppliedIndex: "4990" })],
      expected: ["2", "1"],
    },
    {
      name: "prefers the leader to a follower that lags, and that to a member without a leader",
      statuses: [
        status("1", { leader: "0" }),
        status("2", { leader: "3", raftAppliedIndex: "3000" }),
        status("3", { leader: "3" }),
      ],
      expected: ["3", "2", "1"],
    },
    {
      name: "sees a lag by what any member knows to be committed",
      statuses: [
        status("1", { leader: "9", raftIndex: "3000", raftAppliedIndex: "3000" }),
        status("2", { leader: "9", raftAppliedIndex: "4999" }),
      ],
      expected: ["2", "1"],
    },
    {
      name: "prefers the follower that has applied more",
      statuses: [status("1", { raftAppliedIndex: "4990" }), status("2", { raftAppliedIndex: "4999" })],
      expected: ["2", "1"],
    },
    {
      name: "leaves learners out",
      statuses: [status("1", { isLearner: true }), status("2", { leader: "2" })],
      expected: ["2"],
    },
    {
      name: "takes what is to be avoided only after all others",
      statuses: [status("1", { leader: "3" }), status("2", { leader: "0" }), status("3", { leader: "3" })],
      avoid: ["1", "3"],
      expected: ["2", "1", "3"],
    },
    {
      name: "takes a corrupt member last",
      statuses: [
        status("1", { errors: ["memberID:1 alarm:CORRUPT "] }),
        status("2", { leader: "0", errors: ["memberID:1 alarm:CORRUPT "] }),
      ],
      expected: ["2", "1"],
    },
    {
      name: "knows two endpoints of one member as one",
      statuses: [status("1", { leader: "1" }), status("1", { leader: "1" })],
      expected: ["1"],
    },
    { name: "has nothing to choose from nothing", statuses: [], expected: [] },
  ]) {
    it(name, () => {
      const candidates = statuses.map((one, index) => toCandidate(`http://m${index}:2379`, one));
      const ranked = rankCandidates(candidates, new Set(avoid));
      assert.deepEqual(
        ranked.map(({ member }) => member.memberId),
        expected,
      );
    });
  }
});

function status(memberId: string, changes: Partial<Status> = {}): Status {
  return {
    header: { cluster_id: "14841639068965178418", member_id: memberId, revision: "3", raft_term: "2" },
    version: "3.5.16",
    dbSize: "20480",
    leader: "99",
    raftIndex: "5000",
    raftTerm: "2",
    raftAppliedIndex: "5000",
    errors: [],
    dbSizeInUse: "16384",
    isLearner: false,
    ...changes,
  };
}
