import type { Findings } from "../model/finding.ts";
import type { Database } from "./database.ts";
import {
  BUCKET_FLAG,
  ELEMENT_SIZE,
  PAGE_FLAG,
  PAGE_HEADER_SIZE,
  readBranchChild,
  readPageHeader,
  readUint32,
} from "./page.ts";
import { checkBranch, checkHeader, checkLeaf, type KeyBounds, type Slice } from "./page-check.ts";
import { bodyStart, MAX_RUN_BYTES, PageReader, type PageRun } from "./page-run.ts";
import { PageUse } from "./page-use.ts";

/** Takes the leaves of a tree that were found sound, in the order of their keys. Their bytes are good only during the call. */
export type OnLeaf = (leaf: PageRun) => void;

interface Child {
  readonly number: number;
  readonly bounds: KeyBounds;
}

/** What holds for a whole tree. */
interface Tree {
  /** The bucket's name, for messages. */
  readonly bucket: string;
  /** The flags that the elements of its leaves have to have. */
  readonly flags: number;
  readonly onLeaf: OnLeaf;
}

/** Pages that are read at once, while the batch before is looked at. */
const BATCH = 64;
/** A tree of so many levels has more leaves than a file has pages. */
const MAX_DEPTH = 32;
/** A branch splits when it has more than four keys, of 32 KiB at most (bbolt `node.go` splitTwo, `bucket.go`). */
const MAX_BRANCH_BYTES = 2 ** 20;
/** Behind a bucket's root page and sequence. */
const INLINE_PAGE_OFFSET = 16;
const UNBOUNDED: KeyBounds = { least: undefined, limit: undefined };

/**
 * Walks the trees of a database in the order of their keys, and checks on the way what bbolt's own `tx.Check` checks.
 * A page that is not sound is reported, and what lies below it is passed over. Each page is read once, so that neither
 * circles nor depth cost more than the file has pages.
 */
export class TreeWalk {
  readonly uses: PageUse;
  readonly #db: Database;
  readonly #reader: PageReader;
  readonly #findings: Findings;

  constructor(db: Database, findings: Findings) {
    this.#db = db;
    this.#findings = findings;
    this.#reader = new PageReader(db.source, db.pageSize);
    this.uses = new PageUse(db.pageCount);
    this.uses.take(0, 2);
  }

  /** The root bucket, whose rows are the other buckets. */
  async walkRoot(onLeaf: OnLeaf, signal: AbortSignal): Promise<void> {
    await this.#walk({ bucket: "root", flags: BUCKET_FLAG, onLeaf }, this.#db.root, signal);
  }

  /** A bucket whose tree begins at page `root`. */
  async walkBucket(
    { bucket, root }: { readonly bucket: string; readonly root: number },
    onLeaf: OnLeaf,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#walk({ bucket, flags: 0, onLeaf }, root, signal);
  }

  /** A bucket that lies within its own value, as a page without a number. */
  walkInline(bucket: string, value: Slice, onLeaf: OnLeaf): void {
    const page = inlinePage(value);
    const wrong = typeof page === "string" ? page : checkLeaf(page, 0, UNBOUNDED);
    if (wrong !== undefined) this.#report(`inline bucket "${bucket}": ${wrong}`);
    else if (typeof page === "object") onLeaf(page);
  }

  async #walk(tree: Tree, root: number, signal: AbortSignal): Promise<void> {
    await this.#visitAll(tree, { children: [{ number: root, bounds: UNBOUNDED }], depth: 0 }, signal);
  }

  async #visitAll(
    tree: Tree,
    { children, depth }: { readonly children: readonly Child[]; readonly depth: number },
    signal: AbortSignal,
  ): Promise<void> {
    if (depth > MAX_DEPTH) return this.#report(`bucket "${tree.bucket}" is deeper than ${MAX_DEPTH} levels`);
    const free = children.filter(({ number }) => this.#take(tree, number));
    for await (const batch of this.#batches(free, signal)) {
      for (const [child, begun] of batch) {
        const page = await this.#sound(tree, begun, { ...child, signal });
        if (page?.header.flags === PAGE_FLAG.leaf) tree.onLeaf(page);
        else if (page)
          await this.#visitAll(tree, { children: childrenOf(page, child.bounds), depth: depth + 1 }, signal);
      }
    }
  }

  /** While one batch is looked at, the next is being read. */
  async *#batches(children: readonly Child[], signal: AbortSignal): AsyncGenerator<[Child, PageRun][]> {
    let next = this.#load(children.slice(0, BATCH), signal);
    for (let at = 0; at < children.length; at += BATCH) {
      const batch = await next;
      next = this.#load(children.slice(at + BATCH, at + 2 * BATCH), signal);
      // It is waited for in the next round; if there is none, the failure of this one decides.
      next.catch(() => undefined);
      yield batch;
      this.#reader.recycle(batch.map(([, page]) => page));
    }
  }

  async #load(children: readonly Child[], signal: AbortSignal): Promise<[Child, PageRun][]> {
    signal.throwIfAborted();
    if (children.length === 0) return [];
    const numbers = children.map(({ number }) => number);
    const pages = await this.#reader.read(numbers, signal);
    return pages.flatMap((page, index): [Child, PageRun][] => {
      const child = children[index];
      return child ? [[child, page]] : [];
    });
  }

  #take({ bucket }: Tree, number: number): boolean {
    const wrong = this.uses.take(number, 1);
    if (wrong !== undefined) this.#report(`bucket "${bucket}": ${wrong}`);
    return wrong === undefined;
  }

  /** The page as a whole, if it is what its parent takes it for. */
  async #sound(
    tree: Tree,
    begun: PageRun,
    { number, bounds, signal }: Child & { readonly signal: AbortSignal },
  ): Promise<PageRun | undefined> {
    if (!this.#hold(tree, number, checkHeader(begun, number) ?? this.#takeOverflow(begun))) return undefined;
    const page = await this.#reader.readWhole(begun, signal);
    return this.#hold(tree, number, checkElements(tree, page, bounds)) ? page : undefined;
  }

  #hold({ bucket }: Tree, number: number, wrong: string | undefined): boolean {
    if (wrong !== undefined) this.#report(`page ${number} of bucket "${bucket}": ${wrong}`);
    return wrong === undefined;
  }

  #takeOverflow({ header }: PageRun): string | undefined {
    const { id, flags, overflow } = header;
    const wrong = this.uses.take(id + 1, overflow);
    if (wrong !== undefined) return wrong;
    const limit = flags === PAGE_FLAG.leaf ? MAX_RUN_BYTES : MAX_BRANCH_BYTES;
    const isTooLong = (overflow + 1) * this.#db.pageSize > limit;
    return isTooLong ? `it is longer than ${limit} bytes, which etcd's pages are not` : undefined;
  }

  #report(message: string): void {
    this.#findings.add("STRUCTURE", message);
  }
}

function checkElements({ flags }: Tree, page: PageRun, bounds: KeyBounds): string | undefined {
  return page.header.flags === PAGE_FLAG.leaf ? checkLeaf(page, flags, bounds) : checkBranch(page, bounds);
}

/** The children of a sound branch: each may hold keys from its own element's on and below the next one's. */
function childrenOf(page: PageRun, bounds: KeyBounds): Child[] {
  const { header, bytes, start } = page;
  const keys: Slice[] = [];
  let next = bodyStart(page);
  for (let index = 0; index < header.count; index++) {
    const end = next + readUint32(bytes, start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE + 4);
    keys.push({ bytes, start: next, end });
    next = end;
  }
  return keys.map((least, index) => ({
    number: readBranchChild(bytes, start, index),
    bounds: { least, limit: keys[index + 1] ?? bounds.limit },
  }));
}

/**
 * The page inside a bucket's value, behind root and sequence. bbolt sets neither number nor overflow (`bucket.go` write);
 * its own check passes inline buckets over, and reading one of a wrong type panics.
 */
function inlinePage({ bytes, start, end }: Slice): PageRun | string {
  const at = start + INLINE_PAGE_OFFSET;
  if (at + PAGE_HEADER_SIZE > end) return "it is cut short";
  const header = readPageHeader(bytes, at);
  if (header.flags !== PAGE_FLAG.leaf) return `it is of type ${header.flags}`;
  if (header.id !== 0 || header.overflow !== 0) return "its page has a number or an overflow";
  return { header, bytes, start: at, end };
}
