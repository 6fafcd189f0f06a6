import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  type LifecycleRule,
} from "@aws-sdk/client-s3";
import type { ObjectKey } from "../model/layout.ts";
import type { LockDefault, Versioning } from "../ports/bucket-probe.ts";
import type { Bucket } from "./bucket.ts";

/** The bucket's versioning. */
export async function readVersioning(bucket: Bucket, signal: AbortSignal): Promise<Versioning> {
  const { output } = await bucket.requests.run(
    { what: `read the versioning of bucket "${bucket.name}"`, permission: "s3:GetBucketVersioning" },
    (client, options) => client.send(new GetBucketVersioningCommand({ Bucket: bucket.name }), options),
    signal,
  );
  return output.Status ?? "none";
}

/** Whether the bucket can lock objects, and by default does. */
export async function readLockDefault(bucket: Bucket, signal: AbortSignal): Promise<LockDefault> {
  const reply = await bucket.requests.attempt(
    {
      what: `read the object lock of bucket "${bucket.name}"`,
      permission: "s3:GetBucketObjectLockConfiguration",
      tolerate: ["ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFound"],
    },
    (client, options) => client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket.name }), options),
    signal,
  );
  if ("refused" in reply) return { state: "absent" };
  const { ObjectLockEnabled, Rule } = reply.output.ObjectLockConfiguration ?? {};
  const { Mode, Days = 0, Years = 0 } = Rule?.DefaultRetention ?? {};
  if (Mode !== undefined) return { state: "default", mode: Mode, days: Days + Years * 365 };
  return { state: ObjectLockEnabled === "Enabled" ? "optional" : "absent" };
}

/** After how many days a lifecycle rule aborts unfinished uploads below `prefix`. */
export async function readDaysToAbort(
  bucket: Bucket,
  prefix: ObjectKey,
  signal: AbortSignal,
): Promise<number | undefined> {
  const reply = await bucket.requests.attempt(
    {
      what: `read the lifecycle rules of bucket "${bucket.name}"`,
      permission: "s3:GetLifecycleConfiguration",
      tolerate: ["NoSuchLifecycleConfiguration"],
    },
    (client, options) => client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.name }), options),
    signal,
  );
  if ("refused" in reply) return undefined;
  const days = (reply.output.Rules ?? []).map((rule) => daysOf(rule, bucket.folder + prefix));
  return days.find((each) => each !== undefined);
}

function daysOf(rule: LifecycleRule, prefix: string): number | undefined {
  const covered = rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? "";
  if (rule.Status !== "Enabled" || !prefix.startsWith(covered)) return undefined;
  return rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation;
}
