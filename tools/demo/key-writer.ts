import type { EtcdCluster } from "../../test/support/etcd.ts";

/** Changes keys, one after the other, until it is stopped. */
export class KeyWriter implements AsyncDisposable {
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(etcd: EtcdCluster) {
    this.#done = this.#write(etcd);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #write(etcd: EtcdCluster): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      await etcd.etcdctl("put", `/demo/${count % 100}`, `value ${count} ${"x".repeat(2000)}`);
      if (count % 10 === 9) await etcd.etcdctl("del", `/demo/${(count + 50) % 100}`);
    }
  }
}
