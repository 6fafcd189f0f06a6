/** What of a set of credentials signs. */
interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Whether two sets are the same key with the same secret and token; when they expire does not count. */
export function sameIdentity(one: SigningKeys, other: SigningKeys): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}
