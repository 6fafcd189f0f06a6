/** Runs of characters as long as an AWS secret key, which is 40 long; tokens are longer. */
const secretLike = /[A-Za-z0-9/+=_-]{40,}/g;

/**
 * Text of another program or of an SDK made fit for an error: without the secrets that we know, without
 * whatever looks like one, on one line, at most 300 characters.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length >= 4).sort((one, other) => other.length - one.length);
  return known
    .reduce((rest, secret) => rest.replaceAll(secret, "…"), text)
    .replace(secretLike, "…")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 300);
}

/**
 * A copy of an error that carries its name and redacted message, and those of its causes, and nothing
 * else: SDK errors hold the whole request, signature and session token included.
 */
export function redactedError(error: unknown, secrets: readonly string[]): Error {
  return copy(error, 5);

  function copy(original: unknown, depth: number): Error {
    if (!(original instanceof Error)) return new Error(redact(String(original), secrets));
    const cause = original.cause === undefined || depth === 0 ? undefined : copy(original.cause, depth - 1);
    const result = new Error(redact(original.message, secrets), cause && { cause });
    result.name = original.name;
    return result;
  }
}
