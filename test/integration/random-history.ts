import type { Random } from "../support/random.ts";
import { EVERYTHING, type Gateway } from "./mvcc-rig.ts";

/** Sizes of values, in bytes, as often as they stand here. */
const SIZES = [0, 10, 10, 10, 100, 100, 1000, 1000, 3000, 20_000] as const;
const BIG_SIZES = [100_000, 400_000, 1_048_576] as const;
const LEASE_SECONDS = 36_000;
/** Of the newest lease at most: a client that cannot be reached for so long has other trouble. */
const MAX_USERS = 3;

type Step = (history: RandomHistory) => Promise<void>;

/** Does to etcd, at random, all that changes its file. */
export class RandomHistory {
  readonly #gateway: Gateway;
  readonly #random: Random;
  readonly #keys: readonly [string, ...string[]];
  #leases: string[] = [];
  #compacted = 1;
  #users = 0;

  constructor(gateway: Gateway, random: Random) {
    this.#gateway = gateway;
    this.#random = random;
    this.#keys = makeKeys(random);
  }

  async step(): Promise<void> {
    await this.#random.pick(STEPS)(this);
  }

  async put(): Promise<void> {
    await this.#gateway.call("kv/put", { key: this.#key(), value: this.#value(), lease: this.#lease() });
  }

  async putBig(): Promise<void> {
    const value = this.#random.bytes(this.#random.pick(BIG_SIZES)).toString("base64");
    await this.#gateway.call("kv/put", { key: this.#key(), value });
  }

  async delete(): Promise<void> {
    await this.#gateway.call("kv/deleterange", { key: this.#key() });
  }

  async deleteRange(): Promise<void> {
    const [key, rangeEnd] = [this.#key(), this.#key()].map((text) => Buffer.from(text, "base64")).sort(Buffer.compare);
    await this.#gateway.call("kv/deleterange", {
      key: key?.toString("base64"),
      range_end: rangeEnd?.toString("base64"),
    });
  }

  async deleteAll(): Promise<void> {
    await this.#gateway.call("kv/deleterange", EVERYTHING);
  }

  /** A transaction may touch a key once only. */
  async transaction(): Promise<void> {
    const keys = new Set(Array.from({ length: this.#random.int(1, 20) }, () => this.#key()));
    const success = [...keys].map((key) =>
      this.#random.int(0, 2) === 0
        ? { request_delete_range: { key } }
        : { request_put: { key, value: this.#value(), lease: this.#lease() } },
    );
    await this.#gateway.call("kv/txn", { success });
  }

  async grant(): Promise<void> {
    const { ID } = await this.#gateway.call("lease/grant", { TTL: LEASE_SECONDS });
    if (ID !== undefined) this.#leases.push(ID);
  }

  /** Deletes the keys that hang on it. */
  async revoke(): Promise<void> {
    const [ID, ...rest] = this.#leases;
    if (ID === undefined) return;
    this.#leases = rest;
    await this.#gateway.call("lease/revoke", { ID });
  }

  async compact(): Promise<void> {
    const { revision, liveKeys } = await this.#gateway.state();
    if (Number(revision) <= this.#compacted) return;
    this.#compacted = this.#random.int(this.#compacted + 1, Number(revision));
    // With no key alive HashKV takes whatever rows are still there, so that it hangs on how far a compaction is.
    const physical = liveKeys < 20 || this.#random.int(0, 1) === 0;
    await this.#gateway.call("kv/compaction", { revision: this.#compacted, physical });
  }

  async defragment(): Promise<void> {
    await this.#gateway.call("maintenance/defragment", {});
  }

  async addUser(): Promise<void> {
    if (this.#users === MAX_USERS) return;
    await this.#gateway.call("auth/user/add", { name: `user-${this.#users++}`, password: "not a secret" });
  }

  #key(): string {
    return this.#random.pick(this.#keys);
  }

  #value(): string {
    return this.#random.bytes(this.#random.pick(SIZES)).toString("base64");
  }

  /** "0" is none. */
  #lease(): string {
    const [first = "0", ...others] = this.#leases;
    return this.#random.int(0, 3) === 0 ? this.#random.pick([first, ...others]) : "0";
  }
}

const STEPS: readonly [Step, ...Step[]] = [
  ...repeat(10, (history) => history.put()),
  ...repeat(6, (history) => history.transaction()),
  ...repeat(4, (history) => history.delete()),
  ...repeat(2, (history) => history.compact()),
  ...repeat(2, (history) => history.grant()),
  (history) => history.putBig(),
  (history) => history.deleteRange(),
  (history) => history.deleteAll(),
  (history) => history.revoke(),
  (history) => history.defragment(),
  (history) => history.addUser(),
];

function repeat(times: number, step: Step): [Step, ...Step[]] {
  return [step, ...Array.from({ length: times - 1 }, () => step)];
}

/** Text, bytes that are none, and long ones. */
function makeKeys(random: Random): [string, ...string[]] {
  const texts = Array.from({ length: 40 }, (_, index) => Buffer.from(`/registry/pods/${index}`));
  const binary = Array.from({ length: 20 }, () => random.bytes(random.int(1, 12)));
  const long = Array.from({ length: 5 }, () => random.bytes(random.int(300, 9000)));
  const [first = "", ...others] = [...texts, ...binary, ...long].map((key) => key.toString("base64"));
  return [first, ...others];
}
