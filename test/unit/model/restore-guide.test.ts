import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { type Distribution, restoreGuide } from "../../../src/model/restore-guide/guide.ts";
import type { GuidePlace } from "../../../src/model/restore-guide/place.ts";

const FIXTURES = new URL("../../fixtures/restore-guides/", import.meta.url);
const NAME = "ark-cp-1-20261125T030000123Z-qhzb";

const snapshot = (etcdVersion: string, encoding: string[] = []) => ({
  name: NAME,
  cluster: "prod",
  etcdVersion,
  revision: "123456",
  finishedAt: "2026-11-25T03:00:04.000Z",
  memberName: "cp-1",
  encoding,
});

const bucket: Extract<GuidePlace, { kind: "s3" }> = {
  kind: "s3",
  bucket: "my-bucket",
  folder: "etcd/prod/snapshots",
  region: "eu-central-1",
  endpoint: "",
  endpointCA: "",
  skipTLSVerify: false,
  addressing: "auto",
  proxy: "",
  customerKey: false,
};

/** Distribution and the minor version of its etcd, which decides what its tools can do. */
const GUIDES: readonly (readonly [Distribution, string])[] = [
  ["k3s", "3.5.16"],
  ["rke2", "3.5.16"],
  ["kubeadm", "3.4.23"],
  ["kubeadm", "3.5.16"],
  ["kubeadm", "3.6.5"],
];

describe("restoreGuide()", () => {
  for (const [distribution, version] of GUIDES) {
    const file = `${distribution}-${version.split(".").slice(0, 2).join(".")}.txt`;
    it(`is what ${file} says`, async () => {
      const text = restoreGuide(distribution, snapshot(version), bucket);
      assert.equal(text, await readFile(new URL(file, FIXTURES), "utf8"));
      assert.match(text, /not run on a real (k3s|RKE2|kubeadm cluster)\.\n$/);
    });
  }

  it("tells k3s of everything that the bucket needs, words quoted", () => {
    const place = {
      ...bucket,
      endpoint: "http://minio:9000/",
      endpointCA: "/etc/my ca.pem",
      skipTLSVerify: true,
      addressing: "path",
      proxy: "none",
    } as const;
    const text = restoreGuide("k3s", snapshot("3.5.16"), place);
    for (const flag of [
      "--etcd-s3-endpoint=minio:9000 ",
      "--etcd-s3-endpoint-ca='/etc/my ca.pem' ",
      "--etcd-s3-insecure ",
      "--etcd-s3-skip-ssl-verify ",
      "--etcd-s3-bucket-lookup-type=path ",
      "--etcd-s3-proxy=none ",
    ]) {
      assert.ok(text.includes(flag), `${flag}\n${text}`);
    }
    assert.match(restoreGuide("k3s", snapshot("3.5.16"), { ...bucket, addressing: "virtual" }), /lookup-type=dns/);
  });

  const fetched: readonly (readonly [string, string[], GuidePlace, RegExp])[] = [
    ["compressed", ["zstd"], bucket, /compressed with zstd/],
    ["encrypted with a key of our own", [], { ...bucket, customerKey: true }, /customer key/],
    ["in a directory", [], { kind: "directory", url: "file:///var/backups/" }, /not in a bucket/],
  ];
  for (const [what, encoding, place, why] of fetched) {
    it(`has a snapshot fetched that is ${what}, since k3s could not read it`, () => {
      const text = restoreGuide("k3s", snapshot("3.5.16", encoding), place);
      assert.match(text, why);
      assert.ok(text.includes(`etcd-ark fetch ${NAME} --to /root/${NAME}\n`));
      assert.ok(text.includes(`--cluster-reset-restore-path=/root/${NAME} \\\n       --etcd-s3=false`));
      assert.doesNotMatch(text, /--etcd-s3-bucket/);
    });
  }
});
