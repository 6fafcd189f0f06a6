/**
 * What a check holds against a snapshot.
 *
 * - `MISSING`, `SIZE`, `LOCK`, `MANIFEST`: the store and the manifest do not agree.
 * - `DIGEST`: the bytes are not those that a digest was made of, or there is none.
 * - `FORMAT`: the bytes are no database of bbolt's: empty, compressed, cut short, or something else.
 * - `STRUCTURE`: bbolt could not read some page, or would read it wrong.
 * - `ROWS`: rows that etcd never writes: a history with a hole, or a key of another form.
 * - `STATUS`: the hash of all rows is not the one that an earlier check recorded.
 * - `HASHKV`: the hash of the key space is not the one that a live member gives.
 * - `RESTORE`: a restored etcd does not serve what the snapshot holds.
 */
export type FindingCode =
  | "MISSING"
  | "SIZE"
  | "LOCK"
  | "MANIFEST"
  | "DIGEST"
  | "FORMAT"
  | "STRUCTURE"
  | "ROWS"
  | "STATUS"
  | "HASHKV"
  | "RESTORE";

export interface Finding {
  readonly code: FindingCode;
  /** What is wrong, as a sentence without a full stop. */
  readonly message: string;
}

/** More of them tell nobody anything new, and a damaged file of gigabytes could fill memory with them. */
const MAX_FINDINGS = 50;

/** Collects findings, up to a number that a person can read. */
export class Findings {
  readonly #list: Finding[] = [];
  #more = 0;

  /** All that were kept, and if there were more, one that says how many. */
  get list(): readonly Finding[] {
    const more = { code: this.#list[0]?.code ?? "STRUCTURE", message: `and ${this.#more} findings more` };
    return this.#more > 0 ? [...this.#list, more] : this.#list;
  }

  add(code: FindingCode, message: string): void {
    if (this.#list.length < MAX_FINDINGS) this.#list.push({ code, message });
    else this.#more++;
  }
}
