import { BackupError } from "../errors.ts";
import type { Identity } from "../ports/credentials.ts";

/** The parts of a set as one layer holds them; empty text is absent. */
export interface Parts {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
}

/** Where the parts come from and what they are called there, for errors. */
export interface PartNames {
  /** E.g. `profile "default" of "/root/.aws/credentials"`. */
  readonly where: string;
  readonly names: Readonly<Record<keyof Parts, string>>;
}

/** Whether any part is there, so that the layer counts as configured. */
export function anyPart(parts: Parts): boolean {
  return Boolean(parts.accessKeyId || parts.secretAccessKey || parts.sessionToken);
}

/** A whole identity of one layer, or `CREDENTIALS_INVALID` that names what is missing or odd. */
export function completePair(parts: Parts, { where, names }: PartNames): Identity {
  const accessKeyId = checked("accessKeyId");
  const secretAccessKey = checked("secretAccessKey");
  const sessionToken = parts.sessionToken ? checked("sessionToken") : undefined;
  // AWS gives ids that begin with ASIA to temporary keys alone, so this is a set whose token is yet to be
  // written. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
  if (accessKeyId.startsWith("ASIA") && !sessionToken) throw missing(names.sessionToken, where);
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };

  function checked(part: keyof Parts): string {
    const value = parts[part];
    if (!value) throw missing(names[part], where);
    if (/^[\x21-\x7e]+$/.test(value)) return value;
    throw new BackupError(
      "CREDENTIALS_INVALID",
      `Cannot use ${where}: ${names[part]} holds white space or an odd character`,
      {
        hint: `Write ${names[part]} as one word without quotes around it`,
      },
    );
  }
}

function missing(name: string, where: string): BackupError {
  return new BackupError("CREDENTIALS_INVALID", `Cannot use ${where}: ${name} is missing`, {
    hint: `Set ${name} in the same place; the parts of a set are never taken from two places`,
  });
}

/** Whether two sets are the same key with the same secret and token. */
export function sameIdentity(one: Identity, other: Identity): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}

/** What may be shown of a key id: its last four characters. */
export function keyTail(identity: Identity): string {
  return identity.accessKeyId.slice(-4);
}
