import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { S3Config } from "../config/schema.ts";

/** What guards the bytes of a request besides TCP. */
export interface Guard {
  readonly crc: boolean;
  readonly md5: boolean;
  /** Leaves the body out of the signature. */
  readonly unsigned: boolean;
}

/** The guards of one body, computed once for all attempts. */
export interface Digests {
  readonly payloadHash: string;
  readonly fields: { readonly ContentMD5?: string; readonly ChecksumCRC32?: string };
  readonly md5Hex: string | undefined;
}

/** `sum` is the body's CRC32, where somebody knows it. */
export function digestsOf(body: Uint8Array, guard: Guard, sum?: number): Digests {
  const md5Hex = guard.md5 ? hash("md5", body, "hex") : undefined;
  return {
    payloadHash: guard.unsigned ? "UNSIGNED-PAYLOAD" : hash("sha256", body, "hex"),
    fields: {
      ...(md5Hex === undefined ? {} : { ContentMD5: Buffer.from(md5Hex, "hex").toString("base64") }),
      ...(guard.crc ? { ChecksumCRC32: encodeCrc(sum ?? crc32(body)) } : {}),
    },
    md5Hex,
  };
}

export function encodeCrc(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString("base64");
}

/**
 * Which guards a store uses. Services that keep no checksum (RGW 16 and 18 accept a wrong one) still verify the
 * signed hash and Content-MD5: so the body is left out of the signature only over TLS, and only after this very
 * service has refused a wrong checksum.
 */
export class Integrity {
  readonly #mode: S3Config["checksum"];
  readonly #isTls: boolean;
  #crcVerified: boolean | undefined;
  #md5Demanded: boolean;

  constructor({ checksum, objectLock }: S3Config, isTls: boolean) {
    this.#mode = checksum;
    this.#isTls = isTls;
    this.#md5Demanded = objectLock.mode !== "";
  }

  /**
   * Whether a new upload declares CRC32. Over TLS, `auto` hopes so until the service was probed; over plain http the
   * signed hash stays, and another checksum would add nothing.
   */
  get declaresCrc(): boolean {
    return this.#mode === "crc" || (this.#mode === "auto" && this.#isTls && this.#crcVerified !== false);
  }

  /** Whether it would pay to know if a wrong checksum is refused. */
  get needsProbe(): boolean {
    return this.declaresCrc && this.#isTls && this.#crcVerified === undefined;
  }

  /** Notes whether a wrong CRC32 was refused. */
  probed(crcVerified: boolean): void {
    this.#crcVerified = crcVerified;
  }

  /**
   * Notes that the service wants a checksum that it does not get: buckets with object lock refuse bodies without
   * one (S3 API, PutObject, Content-MD5).
   */
  demandMd5(): void {
    this.#md5Demanded = true;
  }

  forPart(): Guard {
    const crc = this.#mode === "crc" || (this.#mode === "auto" && this.#crcVerified === true);
    const md5 = this.#mode === "md5" || this.#md5Demanded;
    return { crc, md5, unsigned: crc && this.#isTls && this.#crcVerified === true };
  }

  /** A body that goes in one request is small, so that an MD5 more costs nothing. */
  forSingle(): Guard {
    return { crc: this.#mode === "crc", md5: this.#mode !== "none" || this.#md5Demanded, unsigned: false };
  }
}
