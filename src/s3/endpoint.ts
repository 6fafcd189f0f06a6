import type { S3Config } from "../config/schema.ts";
import { BackupError } from "../errors.ts";

/** Where requests go. */
export interface Endpoint {
  /** `undefined` for AWS, which has one for each region. */
  readonly url: string | undefined;
  readonly isTls: boolean;
  /** `https://host/bucket/key` instead of `https://bucket.host/key`. */
  readonly pathStyle: boolean;
}

/** Reads `s3.endpoint` and `s3.addressing`. Rejects anything that is no plain http or https URL. */
export function resolveEndpoint(endpoint: string, addressing: S3Config["addressing"]): Endpoint {
  if (endpoint === "") return { url: undefined, isTls: true, pathStyle: addressing === "path" };
  const url = parseEndpoint(endpoint);
  const isAws = /(^|\.)amazonaws\.com(\.cn)?$/.test(url.hostname);
  return {
    url: url.href,
    isTls: url.protocol === "https:",
    pathStyle: addressing === "path" || (addressing === "auto" && !isAws),
  };
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  throw new BackupError("CONFIG_INVALID", "Cannot use s3.endpoint: it is not an http or https URL without a password", {
    hint: 'Set s3.endpoint to a URL such as "https://s3.example.com:9000"',
  });
}
