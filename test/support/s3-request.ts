import type { IncomingHttpHeaders } from "node:http";

/** A request as the fault proxy saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Decoded, without the query: `/bucket/key`. */
  readonly path: string;
  /** As sent, without the question mark. */
  readonly query: string;
  /** S3's name for it, such as "UploadPart"; else method and path. */
  readonly operation: string;
  readonly accessKeyId: string | undefined;
  readonly uploadId: string | undefined;
  readonly partNumber: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** When it came, in milliseconds of the process's uptime: for differences only. */
  readonly atMs: number;
  /** Bytes of its body that came, as far as it was read. */
  bodyBytes: number;
  /** What was answered; undefined while open, or where the connection was dropped. */
  status: number | undefined;
}

/** Reads what tests ask about out of a request line (path-style address) and its headers. */
export function readS3Request(method: string, target: string, headers: IncomingHttpHeaders): SeenRequest {
  const [rawPath = "", query = ""] = target.split("?", 2);
  const parameters = new URLSearchParams(query);
  const path = decodeURIComponent(rawPath);
  const part = parameters.get("partNumber");
  return {
    method,
    path,
    query,
    operation: operationOf(method, path, parameters) ?? `${method} ${path}`,
    accessKeyId: /Credential=([^/,\s]+)/.exec(headers.authorization ?? "")?.[1],
    uploadId: parameters.get("uploadId") ?? undefined,
    partNumber: part === null ? undefined : Number(part),
    headers,
    atMs: process.uptime() * 1000,
    bodyBytes: 0,
    status: undefined,
  };
}

const objectOperations: Record<string, string> = {
  "PUT partNumber": "UploadPart",
  "POST uploads": "CreateMultipartUpload",
  "POST uploadId": "CompleteMultipartUpload",
  "DELETE uploadId": "AbortMultipartUpload",
  "GET uploadId": "ListParts",
  "PUT retention": "PutObjectRetention",
  "GET retention": "GetObjectRetention",
  "PUT legal-hold": "PutObjectLegalHold",
  "PUT tagging": "PutObjectTagging",
  "GET tagging": "GetObjectTagging",
  PUT: "PutObject",
  GET: "GetObject",
  HEAD: "HeadObject",
  DELETE: "DeleteObject",
};

const bucketOperations: Record<string, string> = {
  "GET uploads": "ListMultipartUploads",
  "GET versions": "ListObjectVersions",
  "GET list-type": "ListObjectsV2",
  "GET location": "GetBucketLocation",
  "GET versioning": "GetBucketVersioning",
  "GET object-lock": "GetObjectLockConfiguration",
  "POST delete": "DeleteObjects",
  PUT: "CreateBucket",
  HEAD: "HeadBucket",
  DELETE: "DeleteBucket",
};

function operationOf(method: string, path: string, parameters: URLSearchParams): string | undefined {
  const operations = /^\/[^/]+\/./.test(path) ? objectOperations : bucketOperations;
  const named = Object.keys(operations).find((key) => {
    const [verb, parameter] = key.split(" ");
    return verb === method && parameter !== undefined && parameters.has(parameter);
  });
  return operations[named ?? method];
}
