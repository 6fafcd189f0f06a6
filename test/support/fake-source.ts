import { createHash } from "node:crypto";
import { BackupError } from "../../src/errors.ts";
import type {
  KeySpaceHash,
  Member,
  SnapshotOrigin,
  SnapshotSource,
  SnapshotStream,
} from "../../src/ports/snapshot-source.ts";
import { boltFile } from "../unit/bolt/bolt-file.ts";

/** etcd as the tests of operations need it: it sends a small database at a revision that they choose. */
export class FakeSource implements SnapshotSource {
  revision = 100n;
  /** What the linearizable read says; by default the revision. */
  readRevision: bigint | undefined;
  linearized = true;
  liveKeys = 40;
  clusterId = "cafe01";
  members = ["a"];
  dbSizeInUse = 8 * 1024 * 1024;
  alarms: string[] = [];
  /** As etcd from 3.6 on writes it into the database. */
  storageVersion = "";
  /** Fails `choose` as long as it is set. */
  down: BackupError | undefined;
  /** Says what a stream does to the bytes, given the member. */
  tamper: (bytes: Buffer, member: string) => Buffer = (bytes) => bytes;
  /** Called before each slice that is sent, with its number. */
  onSlice: (slice: number) => Promise<void> | void = () => undefined;
  /** The database's size whenever it is asked for. */
  growth = () => 4096;
  spaceHash = { hash: 0, compactRevision: -1n };
  /** What is sent instead of a small database that is made for the revision. */
  fixture: Buffer | undefined;
  readonly opened: string[] = [];

  async choose(avoid: ReadonlySet<string>, signal: AbortSignal): Promise<SnapshotOrigin> {
    signal.throwIfAborted();
    if (this.down) throw this.down;
    const memberId = this.members.find((id) => !avoid.has(id)) ?? this.members[0] ?? "a";
    const { linearized, liveKeys } = this;
    return { member: this.#member(memberId), linearized, liveKeys, readRevision: this.readRevision ?? this.revision };
  }

  async open(member: Member, signal: AbortSignal): Promise<SnapshotStream> {
    signal.throwIfAborted();
    this.opened.push(member.memberId);
    const whole = this.snapshot();
    const bytes = this.tamper(whole, member.memberId);
    return {
      snapshotSize: whole.length,
      pump: async (write) => {
        for (let at = 0; at < bytes.length; at += 1000) {
          await this.onSlice(at / 1000);
          signal.throwIfAborted();
          await write(bytes.subarray(at, at + 1000));
        }
        if (bytes.length < whole.length)
          throw new BackupError("ETCD_STREAM_BROKEN", "Cannot read the snapshot: cut off");
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  async dbSize(): Promise<number> {
    return this.growth();
  }

  async countKeys(_member: Member, _revision: bigint): Promise<number> {
    return this.liveKeys;
  }

  async hashKv(member: Member): Promise<KeySpaceHash> {
    return { member: member.endpoint, ...this.spaceHash };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The bytes of a whole snapshot now. */
  snapshot(): Buffer {
    if (this.fixture) return this.fixture;
    const valueSizes = Array.from({ length: 12 }, (_, index) => 500 + index);
    const { storageVersion } = this;
    // What came before was compacted away, so that the rows have no hole before them.
    const [firstRevision, compactRevision] = [this.revision - 11n, this.revision - 12n];
    const database = boltFile({ pageSize: 4096, valueSizes, firstRevision, compactRevision, storageVersion });
    return Buffer.concat([database, createHash("sha256").update(database).digest()]);
  }

  #member(memberId: string): Member {
    return {
      endpoint: "http://127.0.0.1:2379",
      clusterId: this.clusterId,
      memberId,
      memberName: `member-${memberId}`,
      etcdVersion: "3.5.16",
      isLeader: false,
      dbSize: 4096,
      dbSizeInUse: this.dbSizeInUse,
      alarms: this.alarms,
    };
  }
}
