import type { StorageClass } from "@aws-sdk/client-s3";
import type { ObjectLock } from "../ports/object-store.ts";
import type { Bucket } from "./bucket.ts";

const DAY_MS = 86_400_000;

/** What is asked for when a snapshot is begun: its records are small and short-lived, and get none of this. */
export interface WriteAttributes {
  readonly fields: {
    readonly StorageClass?: StorageClass;
    readonly Tagging?: string;
    readonly ObjectLockMode?: ObjectLock["mode"];
    readonly ObjectLockRetainUntilDate?: Date;
  };
  readonly lock: ObjectLock | undefined;
}

export function writeAttributes({ config, requests }: Bucket): WriteAttributes {
  const lock = wantedLock(config.objectLock, requests.now());
  // Not URLSearchParams: RGW keeps its "+" for a space as a plus sign.
  const tagging = Object.entries(config.tags)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  return {
    fields: {
      // biome-ignore lint/plugin: the wire takes any name; services have classes of their own, which the SDK's type does not list
      ...(config.storageClass === "" ? {} : { StorageClass: config.storageClass as StorageClass }),
      ...(tagging === "" ? {} : { Tagging: tagging }),
      ...(lock ? { ObjectLockMode: lock.mode, ObjectLockRetainUntilDate: new Date(lock.until) } : {}),
    },
    lock,
  };
}

/** In whole seconds: S3 drops the rest, and what it reports is compared with this. */
function wantedLock({ mode, days }: Bucket["config"]["objectLock"], now: number): ObjectLock | undefined {
  if (mode === "" || days === 0) return undefined;
  return { mode, until: Math.floor((now + days * DAY_MS) / 1000) * 1000 };
}
