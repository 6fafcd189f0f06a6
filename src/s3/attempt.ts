import type { Identity } from "../ports/credentials.ts";

/** What came back of one request: also of those that the SDK reports as an error. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * One request, from its signature to its answer. It travels with the asynchronous context, so that with four
 * parts in flight it is certain which identity signed the one that was refused.
 */
export interface Attempt {
  readonly identity: Identity;
  /** For `x-amz-content-sha256`: hex, or `UNSIGNED-PAYLOAD`; `undefined` lets the SDK hash the body. */
  readonly payloadHash: string | undefined;
  answer: Answer | undefined;
}
