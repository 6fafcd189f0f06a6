import { Catalog } from "../../src/backup/catalog.ts";
import { recoverRuns } from "../../src/backup/recover-runs.ts";
import { fastClock, never, TestCredentials, testStore } from "../integration/s3-rig.ts";
import { BackupLab } from "../support/backup-lab.ts";
import { CLUSTER, type Scene } from "./scene.ts";

/** Older than any intent. An upload that no intent names is left, as for a day in life, and then fails the test. */
const AT_ONCE = { intentAgeMs: -60_000, uploadAgeMs: 86_400_000 };

/** Does what the daemon of `node` does at start, without waiting for an hour. */
export async function recover({ bucket, rgw, user }: Scene, node: string): Promise<void> {
  const credentials = new TestCredentials(user);
  const config = { folder: "" };
  await using store = testStore({
    endpoint: rgw.endpoint,
    bucket: bucket.name,
    credentials,
    config,
    clock: fastClock(1),
  });
  const destination = { store, catalog: new Catalog(store, CLUSTER) };
  const { context } = new BackupLab({ cluster: CLUSTER, node, destinations: [destination] });
  await recoverRuns(context, { destination, limits: AT_ONCE }, never);
}
