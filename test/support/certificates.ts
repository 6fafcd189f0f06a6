/** X.509 certificates for loopback servers, with node:crypto alone (RFC 5280), so that no openssl command is needed. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for. Times are milliseconds since the epoch. */
export interface LeafOptions {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly notAfter?: number;
}

/** A certificate authority. */
export interface Authority {
  readonly cert: string;
  /** Makes a certificate for servers and clients alike, for 127.0.0.1 and `dnsNames` (default localhost). */
  issue(options?: LeafOptions): KeyPair;
}

const day = 86_400_000;
const ecdsaWithSha256 = sequence(oid([1, 2, 840, 10045, 4, 3, 2]));

/** Makes an authority with a key of its own, valid for a month. */
export function createAuthority(commonName = "etcd-ark test CA"): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyId = identifier(keys.publicKey);
  const cert = certificate({
    issuer: commonName,
    subject: commonName,
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    extensions: [
      extension([2, 5, 29, 19], sequence(boolean(true)), true),
      extension([2, 5, 29, 15], tlv(0x03, Buffer.from([1, 0x06])), true),
      extension([2, 5, 29, 14], tlv(0x04, keyId)),
    ],
  });
  return { cert, issue: (options = {}) => issue({ name: commonName, key: keys.privateKey, keyId }, options) };
}

function issue(authority: { name: string; key: KeyObject; keyId: Buffer }, options: LeafOptions): KeyPair {
  const { commonName = "etcd-ark-test", dnsNames = ["localhost"] } = options;
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = [...dnsNames.map((name) => tlv(0x82, Buffer.from(name))), tlv(0x87, Buffer.from([127, 0, 0, 1]))];
  const cert = certificate({
    issuer: authority.name,
    subject: commonName,
    publicKey: keys.publicKey,
    signer: authority.key,
    notAfter: options.notAfter,
    extensions: [
      extension([2, 5, 29, 15], tlv(0x03, Buffer.from([7, 0x80])), true),
      extension([2, 5, 29, 37], sequence(oid([1, 3, 6, 1, 5, 5, 7, 3, 1]), oid([1, 3, 6, 1, 5, 5, 7, 3, 2]))),
      extension([2, 5, 29, 17], sequence(...names)),
      extension([2, 5, 29, 14], tlv(0x04, identifier(keys.publicKey))),
      extension([2, 5, 29, 35], sequence(tlv(0x80, authority.keyId))),
    ],
  });
  return { cert, key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

interface CertificateFields {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly notAfter?: number | undefined;
  readonly extensions: readonly Buffer[];
}

function certificate(fields: CertificateFields): string {
  // biome-ignore lint/plugin: a certificate is valid around the real time, which the servers check it against
  const now = Date.now();
  const notAfter = fields.notAfter ?? now + 30 * day;
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name(fields.issuer),
    sequence(time(Math.min(now, notAfter) - day), time(notAfter)),
    name(fields.subject),
    fields.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...fields.extensions)),
  );
  const signature = sign("sha256", toBeSigned, fields.signer);
  const der = sequence(toBeSigned, ecdsaWithSha256, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return new X509Certificate(der).toString();
}

function identifier(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function extension(id: readonly number[], value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value));
}

function name(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid([2, 5, 4, 3]), tlv(0x0c, Buffer.from(commonName)))));
}

function time(at: number): Buffer {
  return tlv(0x17, Buffer.from(`${new Date(at).toISOString().replace(/^..|[-:T]|\..*/g, "")}Z`));
}

function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0]));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let high = value >>> 7; high > 0; high >>>= 7) digits.unshift((high & 0x7f) | 0x80);
  return digits;
}

function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), value]);
}
