import { randomBytes } from "node:crypto";

/** Users of a cluster with auth. */
export interface EtcdAuth {
  readonly username: "root";
  readonly password: string;
  /** May read and write every key, but lacks the root role that a snapshot needs. */
  readonly plainUser: { readonly username: string; readonly password: string };
}

/** Makes the users, then turns auth on. */
export async function enableAuth(etcdctl: (...args: readonly string[]) => Promise<string>): Promise<EtcdAuth> {
  const password = randomBytes(9).toString("base64url");
  const plainUser = { username: "plain", password: randomBytes(9).toString("base64url") };
  await etcdctl("user", "add", `root:${password}`, "--interactive=false");
  await etcdctl("user", "grant-role", "root", "root");
  await etcdctl("user", "add", `${plainUser.username}:${plainUser.password}`, "--interactive=false");
  await etcdctl("role", "add", "plain");
  await etcdctl("role", "grant-permission", "plain", "readwrite", "", "--from-key");
  await etcdctl("user", "grant-role", plainUser.username, "plain");
  await etcdctl("auth", "enable");
  return { username: "root", password, plainUser };
}
