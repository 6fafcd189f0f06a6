/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** Names whose value is a secret, whatever it looks like. Compared without case, `_` and `-`. */
const SECRET_NAME = /(?:secret|secretaccesskey|secretkey|password|passphrase|token|authorization|privatekey)$/;

/**
 * Text that gives a secret away by its form. AWS secret access keys are 40 characters of base64, session tokens some
 * hundreds; a digest in hex, or a path, lacks one of the two cases. Fields and their secrets as `name=value` and
 * `name: value` are what SDKs and INI files make of them.
 */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\b(\w+:\/\/)[^\s/@"']+@/g, `$1${REDACTED}@`],
  [
    /(\b[\w-]*(?:secret|secret[_-]?(?:access[_-]?)?key|password|passphrase|token|signature|authorization)["']?\s*[=:]\s*["']?)(?:(?:Basic|Bearer) )?[^\s"'&,;]+/gi,
    `$1${REDACTED}`,
  ],
  [/(?<![A-Za-z0-9/+=])(?=[^\sa-z]*[a-z])(?=[^\sA-Z]*[A-Z])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g, REDACTED],
  [/(?<![A-Za-z0-9/+=])(?=[^\sa-z]*[a-z])(?=[^\sA-Z]*[A-Z])[A-Za-z0-9/+]{100,}={0,2}/g, REDACTED],
  [/\b((?:AKIA|ASIA)[A-Z0-9]{8,})([A-Z0-9]{4})\b/g, "…$2"],
];

/** Whether a field of this name holds a secret. `passwordFile` does not: it is a path. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replace(/[_-]/g, "").toLowerCase());
}

/** The text without what looks like a secret in it. Of access key ids the last four characters stay. */
export function redactText(text: string): string {
  return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}
