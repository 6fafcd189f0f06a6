import type { IMember, IRangeRequest, IRangeResponse, IStatusResponse } from "etcd3";
import type { EtcdConfig } from "../config/schema.ts";
import { messageOf } from "../errors.ts";
import type { SnapshotStream } from "../ports/snapshot-source.ts";
import { abortable } from "./abortable.ts";
import { Connection, intercept, type Run } from "./connection.ts";
import { noAnswer } from "./connection-errors.ts";
import { CallRefused, GRPC, type GrpcStatus, isAuthDisabled, isFromEtcd, isTokenRefused, translate } from "./errors.ts";
import { callHashKv, type HashKv } from "./hash-kv.ts";
import { readUser } from "./password.ts";
import { type Dialer, openSession } from "./session.ts";
import { openSnapshotStream } from "./snapshot-stream.ts";

export interface MemberClientOptions extends Dialer {
  readonly auth: EtcdConfig["auth"];
}

interface Call<Value> {
  /** What is done, after "Cannot". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly run: Run<Value>;
}

const STATUS_TIMEOUT_MS = 5_000;
/** etcd itself gives up a read after 5 s and two elections (`server/config/config.go` ReqTimeout). */
const READ_TIMEOUT_MS = 8_000;
/** A scan takes about half a second a GiB, and much longer where the file is not in memory. */
const SCAN_TIMEOUT_MS = 120_000;
const UNKNOWN = 2;

/**
 * Calls to one member. etcd3 has no way to name the member that shall answer, so each has a client of its own. Nothing is
 * retried but a refused token: the caller knows of other members.
 */
export class MemberClient implements Disposable {
  readonly #options: MemberClientOptions;
  #connection: Connection | undefined;
  #token: string | undefined;

  constructor(options: MemberClientOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.endpoint.url;
  }

  [Symbol.dispose](): void {
    this.#connection?.close();
  }

  async status(signal: AbortSignal): Promise<IStatusResponse> {
    const what = `ask etcd at "${this.url}" for its status`;
    const run: Run<IStatusResponse> = (etcd, options) => etcd.maintenance.status(options);
    return await this.#unary({ what, timeoutMs: STATUS_TIMEOUT_MS, run }, signal);
  }

  /** The members of the cluster, as this one knows them. */
  async members(signal: AbortSignal): Promise<readonly IMember[]> {
    const what = `list the members known to etcd at "${this.url}"`;
    const run: Run<readonly IMember[]> = async (etcd, options) => (await etcd.cluster.memberList({}, options)).members;
    return await this.#unary({ what, timeoutMs: STATUS_TIMEOUT_MS, run }, signal);
  }

  /** Resolves once the quorum stands by what this member has: a read of one key, as `etcdctl endpoint health` makes. */
  async confirm(signal: AbortSignal): Promise<void> {
    await this.#range({ key: Buffer.from("health"), count_only: true }, signal);
  }

  /** Counts all keys, now or at a revision: as the quorum knows them, or with `serializable` as this member alone does. */
  async countKeys(
    { serializable, revision = 0n }: { readonly serializable: boolean; readonly revision?: bigint },
    signal: AbortSignal,
  ): Promise<IRangeResponse> {
    const all = Buffer.from([0]);
    const range = { key: all, range_end: all, count_only: true, serializable, revision: String(revision) };
    return await this.#range(range, signal);
  }

  /** HashKV at a revision: a scan of all that the member has, for which it is given the time. */
  async hashKv(revision: bigint, signal: AbortSignal): Promise<HashKv> {
    const what = `ask etcd at "${this.url}" for its HashKV at revision ${revision}`;
    const run: Run<HashKv> = (_etcd, options, plain) => callHashKv(plain, revision, options);
    return await this.#unary({ what, timeoutMs: SCAN_TIMEOUT_MS, run }, signal);
  }

  /** The roles of the configured user, which it may always read of itself. */
  async roles(signal: AbortSignal): Promise<readonly string[]> {
    const { username } = this.#options.auth;
    const what = `read the roles of user "${username}" through etcd at "${this.url}"`;
    const run: Run<readonly string[]> = async (etcd, options) =>
      (await etcd.auth.userGet({ name: username }, options)).roles;
    return await this.#unary({ what, timeoutMs: READ_TIMEOUT_MS, run }, signal);
  }

  /** Opens the stream of a snapshot, as the port says, on a connection of its own. */
  async snapshot(stallTimeoutMs: number, signal: AbortSignal): Promise<SnapshotStream> {
    const { clock } = this.#options;
    const open = async (token: string | undefined): Promise<SnapshotStream> => {
      const session = await openSession(this.#options, signal);
      return await openSnapshotStream({ session, token, stallTimeoutMs, clock }, signal);
    };
    return await this.#withToken(`take a snapshot from etcd at "${this.url}"`, open, signal);
  }

  /**
   * Calls with a token, and once more with a new one if etcd refuses it: it forgets a token that was idle for five
   * minutes.
   */
  async #withToken<Value>(
    what: string,
    call: (token: string | undefined) => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    try {
      this.#token ??= await this.#authenticate(signal);
      return await call(this.#token).catch(async (error: unknown) => {
        if (this.#token === undefined || !isTokenRefused(error)) throw error;
        this.#token = undefined;
        this.#token = await this.#authenticate(signal);
        return await call(this.#token);
      });
    } catch (error) {
      throw translate(what, error);
    }
  }

  async #range(request: IRangeRequest, signal: AbortSignal): Promise<IRangeResponse> {
    const what = `read through etcd at "${this.url}"`;
    const run: Run<IRangeResponse> = (etcd, options) => etcd.kv.range(request, options);
    return await this.#unary({ what, timeoutMs: READ_TIMEOUT_MS, run }, signal);
  }

  async #unary<Value>(call: Call<Value>, signal: AbortSignal): Promise<Value> {
    return await this.#withToken(call.what, (token) => this.#call(call, token, signal), signal);
  }

  async #authenticate(signal: AbortSignal): Promise<string | undefined> {
    const user = await readUser(this.#options.auth, signal);
    if (user === undefined) return undefined;
    const what = `log in to etcd at "${this.url}" as "${user.name}"`;
    const run: Run<string> = async (etcd, options) => (await etcd.auth.authenticate(user, options)).token;
    try {
      return await this.#call({ what, timeoutMs: READ_TIMEOUT_MS, run }, undefined, signal);
    } catch (error) {
      if (isAuthDisabled(error)) return undefined;
      throw translate(what, error);
    }
  }

  async #call<Value>(call: Call<Value>, token: string | undefined, signal: AbortSignal): Promise<Value> {
    signal.throwIfAborted();
    let status: GrpcStatus | undefined;
    const interceptor = intercept(token, (seen) => {
      status ??= seen;
    });
    const deadline = this.#options.clock.now() + call.timeoutMs;
    try {
      return await abortable(this.#connect().call(call.run, { deadline, interceptors: [interceptor] }), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw await this.#explain(status ?? { code: UNKNOWN, message: messageOf(error) }, call.timeoutMs, signal);
    }
  }

  /** grpc-js does not tell why there is no connection, so another one is tried, only to learn the reason. */
  async #explain(status: GrpcStatus, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
    if (isFromEtcd(status)) return new CallRefused(status);
    if (status.code === GRPC.deadlineExceeded) return noAnswer(this.#options.endpoint, timeoutMs);
    try {
      (await openSession(this.#options, signal)).destroy();
      return new CallRefused(status);
    } catch (error) {
      return error;
    }
  }

  #connect(): Connection {
    if (this.#connection === undefined || this.#connection.isOver) this.#connection = new Connection(this.#options);
    return this.#connection;
  }
}
