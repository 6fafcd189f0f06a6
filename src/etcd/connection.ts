import { type CallOptions, ChannelCredentials, Client, InterceptingCall, type Interceptor } from "@grpc/grpc-js";
import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import { type MemberChannel, openChannel } from "./channel.ts";
import type { GrpcStatus } from "./errors.ts";
import type { Dialer } from "./session.ts";

/** A call as etcd3 makes it, or on the plain client beside it. */
export type Run<Value> = (client: Etcd3, options: CallOptions, plain: Client) => Promise<Value>;

/**
 * etcd3 on a channel of its own. A call that fails is the connection's last: etcd3 has closed the channel on most
 * failures, and a failed one would wait before it tries again. Other calls that are under way may still end.
 */
export class Connection {
  readonly #channel: MemberChannel;
  readonly #etcd: Etcd3;
  readonly #plain: Client;
  #underWay = 0;
  #isOver = false;

  constructor(dialer: Dialer) {
    this.#channel = openChannel(dialer);
    this.#etcd = new Etcd3({
      hosts: this.#channel.channel.getTarget(),
      grpcOptions: { channelOverride: this.#channel.channel },
      faultHandling: { global: noop, host: () => noop },
    });
    const { channel } = this.#channel;
    this.#plain = new Client(channel.getTarget(), ChannelCredentials.createInsecure(), { channelOverride: channel });
  }

  /** Whether it takes no more calls. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Makes a call. Its end must have a bound, `options.deadline`, even if nobody waits for it any more. */
  async call<Value>(run: Run<Value>, options: CallOptions): Promise<Value> {
    this.#underWay++;
    try {
      return await run(this.#etcd, options, this.#plain);
    } catch (error) {
      this.#isOver = true;
      throw error;
    } finally {
      this.#underWay--;
      if (this.#isOver && this.#underWay === 0) this.close();
    }
  }

  /** Ends it at once, and the calls that are under way. */
  close(): void {
    this.#isOver = true;
    this.#channel.close();
  }
}

/**
 * Sends the token, and keeps the status, of which etcd3 leaves only the text. That text is kept from etcd3: it repeats
 * a call with an invalid token without a pause until the deadline. Its own login would go through a proxy.
 */
export function intercept(token: string | undefined, onStatus: (status: GrpcStatus) => void): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, _listener, next) {
        if (token !== undefined) metadata.set("token", token);
        next(metadata, {
          onReceiveStatus(status, forward) {
            onStatus({ code: status.code, message: status.details });
            forward({ ...status, details: "" });
          },
        });
      },
    });
}
