import { isBackupError } from "../errors.ts";
import type { Answer } from "./attempt.ts";

/**
 * - `throttled`: the service wants less; back off longer, with fewer requests at a time.
 * - `broken`: worth trying again as it is.
 * - `credentials`: the set that signed it is refused.
 * - `region`: the bucket is elsewhere, and the service said where.
 * - `refused`: trying again would not help.
 */
export type FailureKind = "throttled" | "broken" | "credentials" | "region" | "refused";

/** Why a request did not succeed. */
export interface Failure {
  readonly kind: FailureKind;
  /** S3's error code, the system's (`ECONNRESET`), or the HTTP status where there is neither. */
  readonly code: string;
  /** The service's own words, or the system's; may be empty. */
  readonly detail: string;
  readonly answer: Answer | undefined;
  /** Where the bucket is, as the service said. */
  readonly region: string | undefined;
  readonly cause: unknown;
}

const CREDENTIALS = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidToken",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
  "TokenRefreshRequired",
  "UserSuspended",
]);
const THROTTLED = new Set(["SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"]);
/** 4xx that are not about what was asked: bytes lost or altered on the way, or another request in between. */
const PASSING = new Set([
  "RequestTimeout",
  "IncompleteBody",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "XAmzContentChecksumMismatch",
  "OperationAborted",
  "ConditionalRequestConflict",
]);
const REDIRECTS = new Set(["PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect", "BadRequest"]);
/** A wrong certificate or a protocol mix-up does not heal within a run. */
const TLS_REFUSED = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH)/;

/** Sorts what the SDK threw. `uploading` makes a plain 403 a matter of credentials: others worked a moment ago. */
export function classify(cause: unknown, answer: Answer | undefined, uploading: boolean): Failure {
  const code = codeOf(cause, answer);
  const region = answer?.headers["x-amz-bucket-region"] ?? fieldOf(cause, "Region");
  const detail = answer === undefined || hasServiceCode(cause) ? detailOf(cause) : "";
  // What we refuse ourselves, after a good answer, would be refused again.
  const kind = isBackupError(cause) ? "refused" : kindOf({ code, answer, region, uploading });
  return { kind, code, detail, answer, region, cause };
}

/** Whether the answer carried an S3 error code, as everything that speaks S3 sends it (but not on HEAD). */
export function hasServiceCode(cause: unknown): boolean {
  return fieldOf(cause, "Code") !== undefined;
}

interface Signs {
  readonly code: string;
  readonly answer: Answer | undefined;
  readonly region: string | undefined;
  readonly uploading: boolean;
}

function kindOf({ code, answer, region, uploading }: Signs): FailureKind {
  if (answer === undefined) return TLS_REFUSED.test(code) ? "refused" : "broken";
  const { status } = answer;
  if (CREDENTIALS.has(code)) return "credentials";
  if (uploading && status === 403 && code === "AccessDenied") return "credentials";
  if (region !== undefined && (REDIRECTS.has(code) || status === 301 || status === 307)) return "region";
  if (THROTTLED.has(code) || status === 429 || status === 503) return "throttled";
  if (PASSING.has(code) || status === 408 || status < 300) return "broken";
  return status >= 500 && status !== 501 && status !== 507 ? "broken" : "refused";
}

function codeOf(cause: unknown, answer: Answer | undefined): string {
  const code = fieldOf(cause, "Code") ?? fieldOf(cause, "code");
  if (code !== undefined) return code;
  return answer === undefined || answer.status < 300 ? (fieldOf(cause, "name") ?? "Error") : String(answer.status);
}

function detailOf(cause: unknown): string {
  const message = fieldOf(cause, "message") ?? "";
  return message === "UnknownError" ? "" : message;
}

function fieldOf(cause: unknown, name: string): string | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  const value: unknown = Reflect.get(cause, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Milliseconds that `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3); at most five minutes. */
export function retryAfterMs(answer: Answer | undefined, now: number): number {
  const text = answer?.headers["retry-after"];
  if (text === undefined) return 0;
  const asked = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(asked) ? 0 : Math.min(Math.max(0, asked), 300_000);
}
