import { readFile } from "node:fs/promises";
import type { EtcdConfig } from "../config/schema.ts";
import { BackupError, messageOf } from "../errors.ts";

/** A name and a password for etcd. Never logged, and never part of an error. */
export interface User {
  readonly name: string;
  readonly password: string;
}

/** The user as the configuration and the file say now, or `undefined` when none is configured. */
export async function readUser(auth: EtcdConfig["auth"], signal: AbortSignal): Promise<User | undefined> {
  if (auth.username === "") return undefined;
  if (auth.passwordFile === "") return { name: auth.username, password: auth.password };
  try {
    const password = await readFile(auth.passwordFile, { encoding: "utf8", signal });
    return { name: auth.username, password: password.replace(/\r?\n$/, "") };
  } catch (cause) {
    signal.throwIfAborted();
    throw new BackupError("ETCD_UNAVAILABLE", `Cannot read "${auth.passwordFile}": ${messageOf(cause)}`, {
      hint: "Check etcd.auth.passwordFile, and that this user may read it",
      cause,
    });
  }
}
