import type { z } from "zod";
import { object } from "./rules.ts";

// Rules between keys of one section. Each objection stands at a key that was set, so that it can be
// shown in the file.

interface Tls {
  readonly certFile: string;
  readonly keyFile: string;
}

export function checkTls({ certFile, keyFile }: Tls, context: z.RefinementCtx): void {
  if (certFile && !keyFile) object(context, ["certFile"], { message: "it is set without etcd.tls.keyFile" });
  if (keyFile && !certFile) object(context, ["keyFile"], { message: "it is set without etcd.tls.certFile" });
}

interface Auth {
  readonly username: string;
  readonly password: string;
  readonly passwordFile: string;
}

export function checkAuth({ username, password, passwordFile }: Auth, context: z.RefinementCtx): void {
  if (password && passwordFile) object(context, ["password"], both("etcd.auth.passwordFile"));
  if (username && !password && !passwordFile) {
    object(context, ["username"], { message: "it is set without a password", hint: AUTH_HINT });
  }
  if (!username && (password || passwordFile)) {
    const message = "it is set without etcd.auth.username";
    object(context, [password ? "password" : "passwordFile"], { message, hint: AUTH_HINT });
  }
}

// One layer's half is never joined with another's (config/layers.ts), so both may be set and one of them not count.
const AUTH_HINT =
  "Set etcd.auth.username and etcd.auth.passwordFile in one place: the file, the environment or flags" as const;

const KEY_PARTS = ["accessKeyId", "secretAccessKey", "sessionToken"] as const;
type KeyPart = (typeof KEY_PARTS)[number];
type Keys = Readonly<Record<KeyPart | `${KeyPart}File`, string>>;

export function checkKeys(keys: Keys, context: z.RefinementCtx): void {
  for (const part of KEY_PARTS) {
    if (keys[part] && keys[`${part}File`]) object(context, [part], both(`s3.${part}File`));
  }
  const [id, secret, token] = KEY_PARTS.map((part) =>
    keys[part] ? part : keys[`${part}File`] ? `${part}File` : undefined,
  );
  if (id && !secret) object(context, [id], { message: "it is set without s3.secretAccessKey", hint: HALF_HINT });
  if (secret && !id) object(context, [secret], { message: "it is set without s3.accessKeyId", hint: HALF_HINT });
  if (token && !id && !secret)
    object(context, [token], { message: "it is set without s3.accessKeyId", hint: HALF_HINT });
}

const HALF_HINT =
  "Set both in one place (the file, the environment or flags), or neither and keep the keys in the credentials file" as const;

interface Sse {
  readonly mode: string;
  readonly kmsKeyId: string;
  readonly customerKeyFile: string;
}

export function checkSse({ mode, kmsKeyId, customerKeyFile }: Sse, context: z.RefinementCtx): void {
  if (kmsKeyId && mode !== "aws:kms") object(context, ["kmsKeyId"], { message: 'it needs s3.sse.mode "aws:kms"' });
  if (customerKeyFile && mode !== "customer") {
    object(context, ["customerKeyFile"], { message: 'it needs s3.sse.mode "customer"' });
  }
  if (mode === "customer" && !customerKeyFile) {
    object(context, ["mode"], { message: 'it is "customer" without s3.sse.customerKeyFile' });
  }
}

interface ObjectLock {
  readonly mode: string;
  readonly days: number;
}

export function checkObjectLock({ mode, days }: ObjectLock, context: z.RefinementCtx): void {
  if (mode && days === 0) object(context, ["mode"], { message: "it is set without s3.objectLock.days" });
  if (!mode && days > 0) object(context, ["days"], { message: "it is set without s3.objectLock.mode" });
}

function both(fileKey: string): { readonly message: string; readonly hint: string } {
  return { message: `it is set, and so is ${fileKey}`, hint: "Remove one of the two" };
}
