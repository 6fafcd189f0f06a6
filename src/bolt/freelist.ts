import type { Findings } from "../model/finding.ts";
import type { Database } from "./database.ts";
import { PAGE_FLAG, PAGE_HEADER_SIZE, readUint64 } from "./page.ts";
import { MAX_RUN_BYTES, PageReader, type PageRun } from "./page-run.ts";
import { PageUse } from "./page-use.ts";

/** A count that says that the real one comes first in the list (bbolt `internal/freelist/shared.go` Read). */
const COUNT_BELOW = 0xffff;

/**
 * Checks the list of free pages against the pages that the trees use: each page is one or the other. A file without a
 * list, as etcd writes it, has nothing to check: what no tree leads to is free.
 */
export async function checkFreelist(
  db: Database,
  { uses, findings }: { readonly uses: PageUse; readonly findings: Findings },
  signal: AbortSignal,
): Promise<void> {
  if (db.freelist === undefined) return;
  const page = await readFreelist(db, uses, signal);
  if (typeof page === "string") return findings.add("STRUCTURE", `freelist page ${db.freelist}: ${page}`);
  const free = new PageUse(db.pageCount);
  for (const number of freePages(page)) {
    const wrong = uses.isUsed(number) ? `page ${number} is in use` : free.take(number, 1);
    if (wrong !== undefined) findings.add("STRUCTURE", `freelist page ${db.freelist}: ${wrong}`);
  }
  for (const number of uses.unused()) {
    if (!free.isUsed(number)) findings.add("STRUCTURE", `page ${number} is neither in use nor free`);
  }
}

async function readFreelist(db: Database, uses: PageUse, signal: AbortSignal): Promise<PageRun | string> {
  const { freelist = 0, pageSize } = db;
  const taken = uses.take(freelist, 1);
  if (taken !== undefined) return taken;
  const reader = new PageReader(db.source, pageSize);
  const [begun] = await reader.read([freelist], signal);
  if (begun === undefined || begun.header.flags !== PAGE_FLAG.freelist) return "it is of another type";
  if (begun.header.id !== freelist) return `it says that it is page ${begun.header.id}`;
  const { overflow } = begun.header;
  const wrong = uses.take(freelist + 1, overflow);
  if (wrong !== undefined) return wrong;
  if ((overflow + 1) * pageSize > MAX_RUN_BYTES) return "it is too long to be read";
  const page = await reader.readWhole(begun, signal);
  return PAGE_HEADER_SIZE + 8 * countOf(page).all <= page.end - page.start ? page : "it is longer than its pages";
}

function countOf({ header, bytes, start }: PageRun): { readonly skipped: number; readonly all: number } {
  if (header.count !== COUNT_BELOW) return { skipped: 0, all: header.count };
  return { skipped: 1, all: readUint64(bytes, start + PAGE_HEADER_SIZE) + 1 };
}

function* freePages(page: PageRun): Generator<number> {
  const { skipped, all } = countOf(page);
  for (let index = skipped; index < all; index++) {
    yield readUint64(page.bytes, page.start + PAGE_HEADER_SIZE + index * 8);
  }
}
