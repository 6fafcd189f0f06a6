import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BucketSubject } from "../../../src/doctor/check-bucket.ts";
import { type Patient, runDoctor } from "../../../src/doctor/run-doctor.ts";
import { BackupError } from "../../../src/errors.ts";
import { summarizeChecks } from "../../../src/model/check.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { fakeBucket, fakeCredentials, fakeEtcd, never, status } from "./fakes.ts";

const clock = new FakeClock();
const endpoint = "http://a:2379";
const source = fakeCredentials();
const bucket: BucketSubject = {
  probe: fakeBucket(),
  clock,
  cluster: "prod",
  wishes: { lockMode: "", checksum: "auto" },
  write: true,
  newUuid: () => "u",
};
const none = new BackupError("CREDENTIALS_MISSING", "Cannot find credentials", { hint: "Write some" });

function patient(given: Partial<Patient> = {}, current = source.current): Patient {
  const keys = {
    source: { ...source, current },
    clock,
    warnings: () => [],
    files: [],
    copiesDirectory: "",
    mountinfo: () => "",
  };
  return {
    credentials: { subject: keys },
    bucket: { subject: bucket },
    etcd: { subject: { probe: fakeEtcd({ [endpoint]: status(endpoint) }), clock } },
    directory: undefined,
    ...given,
  };
}

describe("runDoctor()", () => {
  it("finds nothing wrong where nothing is, and orders by group", async () => {
    const checks = await runDoctor(patient(), never);
    const { warn, fail } = summarizeChecks(checks);
    assert.deepEqual({ warn, fail }, { warn: 0, fail: 0 });
    assert.deepEqual([...new Set(checks.map(({ group }) => group))], ["credentials", "etcd", "bucket"]);
  });

  it("does not ask the bucket without credentials, and looks at etcd all the same", async () => {
    const checks = await runDoctor(
      patient({}, () => Promise.reject(none)),
      never,
    );
    const inBucket = checks.filter(({ group }) => group === "bucket");
    assert.deepEqual(
      inBucket.map(({ outcome, detail }) => [outcome, detail]),
      [["warn", "not tried: everything"]],
    );
    assert.equal(summarizeChecks(checks).fail, 1);
    assert.ok(checks.some(({ name, outcome }) => name === "quorum" && outcome === "pass"));
  });

  it("takes what the configuration does not allow for a failure of the configuration", async () => {
    const error = new BackupError("CONFIG_INVALID", "Cannot read s3.endpointCA", { hint: "Set it" });
    const checks = await runDoctor(patient({ bucket: { error } }), never);
    assert.deepEqual(checks[0], {
      group: "configuration",
      name: "bucket",
      outcome: "fail",
      detail: "Cannot read s3.endpointCA",
      hint: "Set it",
    });
    assert.equal(summarizeChecks(checks).fail, 1);
  });
});
