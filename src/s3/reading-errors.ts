import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import { type Bucket, urlOf } from "./bucket.ts";

export function absent(bucket: Bucket, key: ObjectKey, cause: unknown): BackupError {
  return new BackupError("SNAPSHOT_NOT_FOUND", `Cannot read "${urlOf(bucket, key)}": there is no such object`, {
    hint: "See what there is: etcd-ark list",
    cause,
  });
}

export function replaced(bucket: Bucket, key: ObjectKey): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot read "${urlOf(bucket, key)}": it was replaced meanwhile`, {
    hint: "Read it again, and find out who writes to this folder",
  });
}

export function rangeIgnored(bucket: Bucket, key: ObjectKey): BackupError {
  return new BackupError("STORE_REFUSED", `Cannot read part of "${urlOf(bucket, key)}": the service ignores ranges`, {
    hint: "Look for a proxy between here and s3.endpoint that strips the Range header",
  });
}

export function tooLarge(bucket: Bucket, key: ObjectKey): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot read "${urlOf(bucket, key)}": it is too large to be a record`, {
    hint: "Find out who wrote it; etcd-ark writes nothing of that size under this key",
  });
}

export function brokenOff(bucket: Bucket, key: ObjectKey, cause: unknown): BackupError {
  return new BackupError(
    "STORE_UNAVAILABLE",
    `Cannot read "${urlOf(bucket, key)}": the connection keeps breaking off`,
    {
      hint: "Check the network and s3.proxy",
      cause,
    },
  );
}
