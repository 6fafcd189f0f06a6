import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { frame, varint } from "./snapshot-messages.ts";

/** Read of one key through the quorum, count of all keys through it, and count of those that the member has alone. */
export type Read = "confirm" | "count" | "alone";

export interface FakeMemberOptions {
  readonly id: number;
  readonly leader: number;
  /** Reads that it does not answer before `giveUp`. */
  readonly silent?: readonly Read[];
}

/** A member of a cluster that answers a status and reads, without TLS. */
export interface FakeMember extends AsyncDisposable {
  readonly endpoint: string;
  /** The reads that came, in their order. */
  readonly asked: readonly Read[];
  /** Answers a silent read, now and from now on, as etcd does when it has waited too long for the others. */
  giveUp(read: Read): void;
}

/** All members of the cluster have 7 keys at revision 9. */
export async function startFakeMember({ id, leader, silent = [] }: FakeMemberOptions): Promise<FakeMember> {
  const sessions = new Set<ServerHttp2Session>();
  const asked: Read[] = [];
  const gaveUp = new Map(silent.map((read) => [read, Promise.withResolvers<void>()]));
  const header = message([1, 0xcafe], [2, id], [3, 9]);
  const status = message([1, header], [2, "3.5.16"], [3, 4096], [4, leader], [5, 50], [7, 50]);
  const server = createServer();
  server.on("session", (session) => sessions.add(session.on("close", () => sessions.delete(session))));
  server.on("stream", async (stream, headers) => {
    stream.on("error", () => undefined);
    if (headers[":path"] === "/etcdserverpb.Maintenance/Status") return answer(stream, status);
    if (headers[":path"] !== "/etcdserverpb.KV/Range") return answer(stream, message([1, header]));
    const read = readOf(Buffer.concat(await stream.toArray()));
    asked.push(read);
    if (!gaveUp.has(read)) return answer(stream, message([1, header], [4, 7]));
    await gaveUp.get(read)?.promise;
    stream.respond({ ":status": 200, "grpc-status": 14, "grpc-message": "etcdserver: request timed out" });
    stream.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    asked,
    giveUp: (read) => gaveUp.get(read)?.resolve(),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function answer(stream: ServerHttp2Stream, body: Buffer): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": 0 }));
  stream.end(frame(body));
}

/** By the fields of a RangeRequest: `range_end` is the second, `serializable` the seventh. */
function readOf(framed: Buffer): Read {
  const request = framed.subarray(5);
  if (!request.includes(Buffer.from([0x12, 1, 0]))) return "confirm";
  return request.includes(Buffer.from([0x38, 1])) ? "alone" : "count";
}

function message(...fields: readonly (readonly [number, number | string | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.map(([field, value]) => {
      if (typeof value === "number") return Buffer.from([field * 8, ...varint(value)]);
      const content = Buffer.from(value);
      return Buffer.concat([Buffer.from([field * 8 + 2, ...varint(content.length)]), content]);
    }),
  );
}
