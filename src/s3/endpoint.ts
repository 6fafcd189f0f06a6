import type { S3Config } from "../config/schema.ts";
import { BackupError } from "../errors.ts";

const AWS_HOST = /(^|\.)amazonaws\.com(\.cn)?$/;

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
  return {
    url: url.href,
    isTls: url.protocol === "https:",
    pathStyle: addressing === "path" || (addressing === "auto" && !AWS_HOST.test(url.hostname)),
  };
}

/**
 * The region in the name of a host of AWS, as in `s3.eu-west-3.amazonaws.com` or `s3-us-west-2.amazonaws.com`: it
 * serves no other. https://docs.aws.amazon.com/general/latest/gr/s3.html
 */
export function regionOfHost(endpoint: string): string | undefined {
  const host = endpoint === "" ? "" : parseEndpoint(endpoint).hostname;
  return AWS_HOST.test(host) ? /[.-]([a-z]{2}(?:-[a-z]+)+-\d+)\./.exec(host)?.[1] : undefined;
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url;
  throw new BackupError("CONFIG_INVALID", "Cannot use s3.endpoint: it is not an http or https URL without a password", {
    hint: 'Set s3.endpoint to a URL such as "https://s3.example.com:9000"',
  });
}
