import { BackupError, type ErrorCode } from "../errors.ts";
import type { Instant } from "../model/time.ts";
import type { CredentialsDescription } from "../ports/credentials.ts";
import { type Failure, hasServiceCode } from "./failure.ts";

/** What an error is told with: nothing secret. */
export interface Situation {
  /** Completes "Cannot …". */
  readonly what: string;
  /** The action that the policy must allow, e.g. `s3:PutObject`. */
  readonly permission: string;
  readonly bucket: string;
  /** As it was configured: the one that the service names is the failure's. */
  readonly region: string;
  /** The one that `s3.endpoint` names, if it does. */
  readonly hostRegion: string | undefined;
  /** The endpoint's URL, or `AWS`. */
  readonly endpoint: string;
  /** The last four characters of the key id that signed it. */
  readonly keyTail: string;
  readonly credentials: CredentialsDescription | undefined;
  readonly now: Instant;
}

interface Explanation {
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: string;
}

type Explain = (situation: Situation, failure: Failure) => Explanation;

/** The `BackupError` for a failure that is not tried again. */
export function toBackupError(failure: Failure, situation: Situation): BackupError {
  const explain = BY_CODE[failure.code] ?? bySigns(failure);
  const { code, why, hint } = explain(situation, failure);
  const said =
    failure.detail === "" || why.includes(failure.detail) ? "" : `: ${failure.detail.replace(/[.\s]+$/, "")}`;
  return new BackupError(code, `Cannot ${situation.what}: ${why} (${failure.code})${said}`, {
    hint,
    cause: failure.cause,
  });
}

function rejected(why: (situation: Situation) => string, what: string): Explain {
  return (situation) => {
    const { credentials } = situation;
    const profile = credentials?.profile === undefined ? "" : `, profile "${credentials.profile}"`;
    const where = credentials === undefined ? "" : ` in ${credentials.source}${profile}`;
    return {
      code: "CREDENTIALS_REJECTED",
      why: why(situation),
      hint: `Correct the ${what}${where}; it is read again by itself`,
    };
  };
}

const unknownKey = rejected(({ keyTail }) => `the service does not know access key "…${keyTail}"`, "access key");
const wrongSecret = rejected(({ keyTail }) => `the secret key does not fit access key "…${keyTail}"`, "secret key");
const oldToken = rejected(() => "the session token has expired", "session token, or renew the session");
const badToken = rejected(({ keyTail }) => `the session token of access key "…${keyTail}" is refused`, "session token");
const suspended = rejected(({ keyTail }) => `the user of access key "…${keyTail}" is suspended`, "access key");

const denied: Explain = ({ permission, bucket, keyTail }) => ({
  code: "STORE_REFUSED",
  why: `access denied to access key "…${keyTail}"`,
  hint: `Allow "${permission}" on bucket "${bucket}" in the key's policy and in the bucket's`,
});

const noBucket: Explain = ({ bucket, endpoint, region }) => ({
  code: "STORE_REFUSED",
  why: `bucket "${bucket}" does not exist at ${endpoint}`,
  hint: `Create it (aws s3 mb s3://${bucket} --region ${region}), or correct s3.bucket`,
});

const wrongRegion: Explain = ({ region, bucket, hostRegion }, { region: named }) => {
  const code = "STORE_REFUSED";
  if (named !== undefined && hostRegion !== undefined && named !== hostRegion) {
    return {
      code,
      why: `bucket "${bucket}" is in region "${named}", and s3.endpoint is that of "${hostRegion}"`,
      hint: `Set s3.region to "${named}", and s3.endpoint to "" or to the host of that region`,
    };
  }
  if (named === undefined || named === region) {
    return { code, why: `bucket "${bucket}" is not in region "${region}"`, hint: "Correct s3.region or s3.endpoint" };
  }
  return {
    code,
    why: `bucket "${bucket}" is not in region "${region}" but in "${named}"`,
    hint: `Set s3.region to "${named}"`,
  };
};

const skewed: Explain = ({ now }, { answer }) => {
  const seconds = Math.round((now - Date.parse(answer?.headers["date"] ?? "")) / 1000);
  const amount = Number.isNaN(seconds)
    ? ""
    : ` by ${Math.abs(seconds)} s (${seconds > 0 ? "it is ahead" : "it is behind"})`;
  return {
    code: "STORE_REFUSED",
    why: `this machine's clock differs from the service's${amount}`,
    hint: "Set the clock: timedatectl set-ntp true",
  };
};

const full: Explain = ({ bucket }) => ({
  code: "STORE_FULL",
  why: "the service has no room left for this user or bucket",
  hint: `Raise the quota of bucket "${bucket}", or prune: etcd-ark prune --dry-run`,
});

const lostUpload: Explain = () => ({
  code: "STORE_UPLOAD_LOST",
  why: "the service no longer knows this upload",
  hint: "See whether a lifecycle rule or another program aborts uploads, or the credentials changed to another account",
});

const kmsRefused: Explain = () => ({
  code: "STORE_REFUSED",
  why: "the KMS key cannot be used",
  hint: "Correct s3.sse.kmsKeyId, and allow kms:GenerateDataKey and kms:Decrypt on that key",
});

const altered: Explain = ({ endpoint }) => ({
  code: "STORE_UNAVAILABLE",
  why: `bytes reach ${endpoint} altered`,
  hint: "Look for a proxy that changes requests; s3.checksum sets what guards them",
});

const unresolved: Explain = ({ endpoint }) => ({
  code: "STORE_UNAVAILABLE",
  why: `the host name of ${endpoint} cannot be resolved`,
  hint: "Correct s3.endpoint or s3.region, or the machine's DNS",
});

const unconnected: Explain = ({ endpoint }) => ({
  code: "STORE_UNAVAILABLE",
  why: `no connection to ${endpoint}`,
  hint: "Check that the service is up and that s3.endpoint and s3.proxy are right",
});

const untrusted: Explain = ({ endpoint }) => ({
  code: "STORE_REFUSED",
  why: `the certificate of ${endpoint} is not trusted`,
  hint: "Set s3.endpointCA to the CA's PEM file; for a name that does not match, correct s3.endpoint",
});

const noTls: Explain = ({ endpoint }) => ({
  code: "STORE_REFUSED",
  why: `${endpoint} does not speak TLS`,
  hint: 'Write s3.endpoint with "http://" if the service has no TLS',
});

const BY_CODE: Readonly<Record<string, Explain>> = {
  InvalidAccessKeyId: unknownKey,
  InvalidClientTokenId: unknownKey,
  UnrecognizedClientException: unknownKey,
  SignatureDoesNotMatch: wrongSecret,
  ExpiredToken: oldToken,
  ExpiredTokenException: oldToken,
  TokenRefreshRequired: oldToken,
  InvalidToken: badToken,
  UserSuspended: suspended,
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  NoSuchBucket: noBucket,
  InvalidBucketName: noBucket,
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  RequestTimeTooSkewed: skewed,
  QuotaExceeded: full,
  XMinioStorageFull: full,
  InsufficientCapacity: full,
  "507": full,
  NoSuchUpload: lostUpload,
  BadDigest: altered,
  XAmzContentSHA256Mismatch: altered,
  XAmzContentChecksumMismatch: altered,
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
  ECONNREFUSED: unconnected,
  EHOSTUNREACH: unconnected,
  ENETUNREACH: unconnected,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
};

/** The system's codes, and Node's for a body that is not whole. */
const BROKEN_OFF = /^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE)$/;

function bySigns(failure: Failure): Explain {
  const { answer, code } = failure;
  if (code.startsWith("KMS.")) return kmsRefused;
  if (answer === undefined) return failure.kind === "refused" ? untrusted : unreachable;
  if (answer.status < 300 && BROKEN_OFF.test(code)) return unreachable;
  if (answer.status >= 500) return answer.status === 501 ? unsupported : failing;
  if (hasServiceCode(failure.cause)) return unsupported;
  return answer.status === 403 ? denied : notS3;
}

const unreachable: Explain = ({ endpoint }) => ({
  code: "STORE_UNAVAILABLE",
  why: `the connection to ${endpoint} broke off`,
  hint: "Check s3.endpoint, the network and s3.proxy; s3.stallTimeout sets how long a silence is borne",
});

const failing: Explain = ({ endpoint }, { answer }) => ({
  code: "STORE_UNAVAILABLE",
  why: `${endpoint} keeps answering ${answer?.status}`,
  hint: "Look at the service's own health; fewer requests at a time are made with a smaller s3.concurrency",
});

const unsupported: Explain = ({ endpoint }) => ({
  code: "STORE_REFUSED",
  why: `${endpoint} refuses the request`,
  hint: "See which of s3.checksum, s3.sse, s3.objectLock, s3.storageClass and s3.tags this service does not support",
});

const notS3: Explain = ({ endpoint }, { answer }) => ({
  code: "STORE_REFUSED",
  why: `${endpoint} does not answer as S3 does, but with ${answer?.status} ${answer?.headers["content-type"] ?? ""}`.trim(),
  hint: "Correct s3.endpoint: it must be the URL of the S3 API, not of a console or web server",
});
