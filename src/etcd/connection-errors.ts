import { BackupError, type ErrorCode, messageOf } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";

interface Meaning {
  readonly code: ErrorCode;
  /** What went wrong; empty = the system's own words. */
  readonly why: string;
  readonly hint: string;
}

const UNREACHABLE_HINT = "Check that etcd runs and listens there: `systemctl status etcd`, and the key etcd.endpoints";

/** Codes of Node and OpenSSL, as `Error.code` or in the message, and what they mean to an operator. */
const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
  [/ECONNREFUSED/, { code: "ETCD_UNAVAILABLE", why: "connection refused", hint: UNREACHABLE_HINT }],
  [
    /ENOTFOUND|EAI_AGAIN/,
    { code: "ETCD_UNAVAILABLE", why: "the name is not known", hint: "Check the name in etcd.endpoints and the DNS" },
  ],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, { code: "ETCD_UNAVAILABLE", why: "", hint: UNREACHABLE_HINT }],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    {
      code: "ETCD_REFUSED",
      why: "its certificate is not valid now",
      hint: "Renew the server's certificate, and check the clocks on both sides",
    },
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    {
      code: "ETCD_REFUSED",
      why: "its certificate is for another name",
      hint: "Set etcd.tls.serverName to a name in the certificate, or name the endpoint as the certificate does",
    },
  ],
  [
    /UNABLE_TO_(VERIFY|GET_ISSUER)|SELF_SIGNED|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA/,
    {
      code: "ETCD_REFUSED",
      why: "its certificate is not signed by a known authority",
      hint: "Set etcd.tls.caFile (`--cacert`) to the authority that signed the server's certificate",
    },
  ],
  [
    /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE|ACCESS_DENIED)/,
    {
      code: "ETCD_REFUSED",
      why: "it does not accept our client certificate",
      hint: "Set etcd.tls.certFile and etcd.tls.keyFile (`--cert`, `--key`) to a pair signed by the authority that etcd trusts, and see with `openssl x509 -enddate -noout -in FILE` whether it has expired",
    },
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_OVERFLOW|before secure TLS connection/,
    {
      code: "ETCD_REFUSED",
      why: "it does not speak TLS there",
      hint: 'Write the endpoint with "http://", or remove the keys of etcd.tls',
    },
  ],
];

/** What is said when the connection was closed before etcd had said anything, which both sides do for many reasons. */
const SECURE_CLOSED: Meaning = {
  code: "ETCD_REFUSED",
  why: "it closed the connection at the start",
  hint: "etcd may want a client certificate (etcd.tls.certFile, etcd.tls.keyFile), or it does not speak TLS there: its log says which",
};
const PLAIN_CLOSED: Meaning = {
  code: "ETCD_REFUSED",
  why: "it closed the connection at the start, as a server of TLS does",
  hint: 'Write the endpoint with "https://" and set etcd.tls.caFile, or check what listens there',
};

/** The error for a connection that did not come about. */
export function connectionError(endpoint: Endpoint, cause: unknown): BackupError {
  const text = `${codeOf(cause)} ${messageOf(cause)}`;
  const closed = endpoint.isSecure ? SECURE_CLOSED : PLAIN_CLOSED;
  const [, meaning = closed] = MEANINGS.find(([pattern]) => pattern.test(text)) ?? [];
  return new BackupError(
    meaning.code,
    `Cannot connect to etcd at "${endpoint.url}": ${meaning.why || messageOf(cause)}`,
    {
      hint: meaning.hint,
      cause,
    },
  );
}

/** The error for a member that accepted the connection or did not, but said nothing in time. */
export function noAnswer(endpoint: Endpoint, ms: number): BackupError {
  return new BackupError(
    "ETCD_UNAVAILABLE",
    `Cannot reach etcd at "${endpoint.url}": no answer within ${ms / 1000} s`,
    {
      hint: "The member is overloaded, frozen or cut off: look at `etcdctl endpoint status` and at the network in between",
    },
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
