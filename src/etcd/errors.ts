import { BackupError, type ErrorCode } from "../errors.ts";

/** How a call of gRPC ended (gRPC "Status codes"); 0 is OK. */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
}

/** A call that etcd answered with a status other than OK. Never leaves this folder. */
export class CallRefused extends Error {
  override readonly name = "CallRefused" as const;
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus) {
    super(status.message);
    this.status = status;
  }
}

export const GRPC = { ok: 0, deadlineExceeded: 4, permissionDenied: 7, unavailable: 14, unauthenticated: 16 } as const;

/** A failure, and what to do about it. */
interface Meaning {
  readonly code: ErrorCode;
  readonly hint: string;
}

const NEEDS_ROOT: Meaning = {
  code: "ETCD_REFUSED",
  hint: "A snapshot needs the root role: `etcdctl user grant-role NAME root`",
};

/** What etcd says (`api/v3rpc/rpctypes/error.go`), and what it means to an operator. */
const BY_MESSAGE: readonly (readonly [RegExp, Meaning])[] = [
  [
    /user name is empty/,
    {
      code: "ETCD_REFUSED",
      hint: "This etcd wants a user: set etcd.auth.username and etcd.auth.passwordFile (`--user` of etcdctl)",
    },
  ],
  [
    /authentication failed/,
    {
      code: "ETCD_REFUSED",
      hint: "Check etcd.auth.username and etcd.auth.passwordFile with `etcdctl --user NAME auth status`",
    },
  ],
  // Snapshot says so with code UNKNOWN.
  [/permission denied/, NEEDS_ROOT],
  [
    /learner/,
    {
      code: "ETCD_UNAVAILABLE",
      hint: "Promote the learner with `etcdctl member promote ID`, or name a voting member in etcd.endpoints",
    },
  ],
  [
    /no leader|request timed out/,
    { code: "ETCD_UNAVAILABLE", hint: "The cluster has no quorum: look at `etcdctl endpoint status --cluster`" },
  ],
];

const BY_CODE: Readonly<Record<number, Meaning>> = {
  [GRPC.permissionDenied]: NEEDS_ROOT,
  [GRPC.unauthenticated]: { code: "ETCD_REFUSED", hint: "Check etcd.auth.username and etcd.auth.passwordFile" },
  [GRPC.deadlineExceeded]: {
    code: "ETCD_UNAVAILABLE",
    hint: "The member is overloaded, frozen or cut off: look at `etcdctl endpoint status`",
  },
};

const UNKNOWN: Meaning = { code: "ETCD_UNAVAILABLE", hint: "Look at `etcdctl endpoint health` and at the log of etcd" };

/** What `error` means to an operator if it is a call's refusal; `what` was to be done, and follows "Cannot". */
export function translate(what: string, error: unknown): unknown {
  return error instanceof CallRefused ? statusError(what, error) : error;
}

function statusError(what: string, cause: CallRefused): BackupError {
  const { status } = cause;
  const [, meaning = BY_CODE[status.code] ?? UNKNOWN] =
    BY_MESSAGE.find(([pattern]) => pattern.test(status.message)) ?? [];
  return new BackupError(meaning.code, `Cannot ${what}: ${status.message || `gRPC status ${status.code}`}`, {
    hint: meaning.hint,
    cause,
  });
}

/** Whether etcd no longer knows the token, or its users have changed since it was given out. */
export function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof CallRefused)) return false;
  const { code, message } = error.status;
  return code === GRPC.unauthenticated || /invalid auth token|auth store is old/.test(message);
}

/** Whether the cluster has no users, so that no token is needed. */
export function isAuthDisabled(error: unknown): boolean {
  return error instanceof CallRefused && /authentication is not enabled/.test(error.status.message);
}

/** Whether etcd itself has answered, rather than the connection to it. */
export function isFromEtcd(status: GrpcStatus): boolean {
  return /^(etcdserver|auth): /.test(status.message);
}

/** The stream did not bring a whole snapshot. */
export function streamBroken(why: string, cause?: unknown): BackupError {
  return new BackupError("ETCD_STREAM_BROKEN", `Cannot read the snapshot to its end: ${why}`, {
    hint: "Look at the log of etcd and at the network in between; the next attempt begins anew",
    cause,
  });
}
