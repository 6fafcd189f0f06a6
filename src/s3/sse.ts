import { readFileSync } from "node:fs";
import type { S3Config } from "../config/schema.ts";
import { BackupError, messageOf } from "../errors.ts";

/** Headers of server-side encryption. */
export interface Encryption {
  /** When an object is begun. */
  readonly create: {
    readonly ServerSideEncryption?: "AES256" | "aws:kms";
    readonly SSEKMSKeyId?: string;
  } & CustomerKey;
  /** On everything else that touches its bytes or its head: customer keys only. */
  readonly access: CustomerKey;
  /** Whether the ETag of a body is its MD5 (S3 API, Object: "ETag"). */
  readonly etagIsMd5: boolean;
}

interface CustomerKey {
  readonly SSECustomerAlgorithm?: "AES256";
  /** Base64; the SDK adds its MD5. */
  readonly SSECustomerKey?: string;
}

/** Reads the customer key, if one is configured. Rejects with `CONFIG_INVALID`. */
export function resolveEncryption({ mode, kmsKeyId, customerKeyFile }: S3Config["sse"]): Encryption {
  switch (mode) {
    case "":
      return { create: {}, access: {}, etagIsMd5: true };
    case "AES256":
      return { create: { ServerSideEncryption: "AES256" }, access: {}, etagIsMd5: true };
    case "aws:kms": {
      const key = kmsKeyId === "" ? {} : { SSEKMSKeyId: kmsKeyId };
      return { create: { ServerSideEncryption: "aws:kms", ...key }, access: {}, etagIsMd5: false };
    }
    case "customer": {
      const customer = { SSECustomerAlgorithm: "AES256", SSECustomerKey: readKey(customerKeyFile) } as const;
      return { create: customer, access: customer, etagIsMd5: false };
    }
  }
}

/** 32 bytes, raw or as base64, as base64. */
function readKey(path: string): string {
  const bytes = readKeyFile(path);
  if (bytes.length === 32) return bytes.toString("base64");
  const decoded = Buffer.from(bytes.toString("latin1").trim(), "base64");
  if (decoded.length === 32) return decoded.toString("base64");
  throw new BackupError("CONFIG_INVALID", `Cannot use s3.sse.customerKeyFile "${path}": it does not hold 32 bytes`, {
    hint: `Write 32 random bytes into it: openssl rand -base64 32 > "${path}"`,
  });
}

function readKeyFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BackupError("CONFIG_INVALID", `Cannot read s3.sse.customerKeyFile: ${messageOf(cause)}`, {
      hint: "Set s3.sse.customerKeyFile to a readable file of 32 bytes",
      cause,
    });
  }
}
