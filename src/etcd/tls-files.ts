import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import type { EtcdConfig } from "../config/schema.ts";
import { BackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";

export interface TlsFilesOptions {
  /** Names both halves of the pair or neither: the schema of the configuration sees to that. */
  readonly tls: EtcdConfig["tls"];
  readonly clock: Clock;
  readonly telemetry?: Pick<Telemetry, "warning"> | undefined;
}

/** A rotation that writes two files is over well within this. */
const ATTEMPTS = 5;
const ATTEMPT_EVERY_MS = 200;

/**
 * The authority and the client's pair, read again for each connection. Files that are unreadable, torn, or of which the
 * certificate and the key do not match are being rotated: the last good set is used until they fit again.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  #lastGood: SecureContext | undefined;
  #warnedOf = "";

  constructor(options: TlsFilesOptions) {
    this.#options = options;
  }

  /** Rejects with `ETCD_UNAVAILABLE` when the files are no good, and never were. */
  async load(signal: AbortSignal): Promise<SecureContext> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#lastGood = await readContext(this.#options.tls, signal);
        this.#warnedOf = "";
        return this.#lastGood;
      } catch (error) {
        signal.throwIfAborted();
        if (this.#lastGood) return this.#keep(this.#lastGood, error);
        if (attempt === ATTEMPTS) throw error;
      }
      await this.#options.clock.sleep(ATTEMPT_EVERY_MS, signal);
    }
  }

  /** Says so once for each thing that is wrong. */
  #keep(context: SecureContext, error: unknown): SecureContext {
    const message = messageOf(error);
    if (message !== this.#warnedOf) {
      this.#options.telemetry?.warning("The TLS files for etcd are no good, so the previous ones stay in use", {
        err: error,
      });
    }
    this.#warnedOf = message;
    return context;
  }
}

async function readContext(tls: EtcdConfig["tls"], signal: AbortSignal): Promise<SecureContext> {
  const ca = await read(tls.caFile, signal);
  const cert = await read(tls.certFile, signal);
  const key = await read(tls.keyFile, signal);
  if (ca) parse("certificate", tls.caFile, () => new X509Certificate(ca));
  if (cert && key) {
    const certificate = parse("certificate", tls.certFile, () => new X509Certificate(cert));
    const privateKey = parse("private key", tls.keyFile, () => createPrivateKey(key));
    if (!certificate.checkPrivateKey(privateKey)) {
      throw unusable(`Cannot use "${tls.certFile}" with "${tls.keyFile}": the certificate and the key do not match`);
    }
  }
  return parse("chain of certificates", tls.certFile || tls.caFile, () =>
    createSecureContext({ ...(ca && { ca }), ...(cert && key && { cert, key }) }),
  );
}

async function read(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
  if (path === "") return undefined;
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    throw unusable(`Cannot read "${path}" for the connection to etcd: ${messageOf(cause)}`, cause);
  }
}

function parse<Value>(kind: string, path: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw unusable(`Cannot read the ${kind} in "${path}": it is no PEM, or not all of it`, cause);
  }
}

function unusable(message: string, cause?: unknown): BackupError {
  return new BackupError("ETCD_UNAVAILABLE", message, {
    hint: "Check the keys of etcd.tls, that the files exist and belong together, and that this user may read them",
    cause,
  });
}
