import { Bandwidth } from "./bandwidth.ts";
import { type Bucket, normalizeFolder } from "./bucket.ts";
import { createWire, type Wire } from "./client.ts";
import { type Endpoint, resolveEndpoint } from "./endpoint.ts";
import { Integrity } from "./integrity.ts";
import type { S3StoreOptions } from "./options.ts";
import { PiecePool } from "./piece-pool.ts";
import { Requests } from "./requests.ts";
import { resolveEncryption } from "./sse.ts";

/** A bucket with the connections to it, which its owner destroys. */
export interface OpenBucket {
  readonly bucket: Bucket;
  readonly wire: Wire;
  readonly endpoint: Endpoint;
}

/** Rejects with `CONFIG_INVALID` when CA, customer key or endpoint are wrong. Connects only when it is used. */
export function openBucket(options: S3StoreOptions): OpenBucket {
  const { config } = options;
  const endpoint = resolveEndpoint(options.endpoint, config.addressing);
  const bandwidth = new Bandwidth(config.bandwidth, options.clock);
  const wire = createWire(options, endpoint, bandwidth);
  const bucket: Bucket = {
    name: config.bucket,
    folder: normalizeFolder(config.folder),
    config,
    options,
    requests: new Requests(wire, options),
    bandwidth,
    pieces: new PiecePool(),
    integrity: new Integrity(config, endpoint.isTls),
    encryption: resolveEncryption(config.sse),
  };
  return { bucket, wire, endpoint };
}

/** Ends every connection. */
export function closeWire(wire: Wire): void {
  wire.client.destroy();
  wire.destroy();
}
