import type { Findings } from "../model/finding.ts";
import type { Database } from "./database.ts";
import { PAGE_FLAG, PAGE_HEADER_SIZE, readPageHeader } from "./page.ts";

/**
 * Checks the headers of both meta pages. Neither is under their checksums, and one of the two may be torn; but bbolt looks
 * at the headers of all pages before it uses them (`page.go` fastCheck), and panics.
 */
export async function checkMetaPages(db: Database, findings: Findings, signal: AbortSignal): Promise<void> {
  const bytes = await db.source.read(0, db.pageSize + PAGE_HEADER_SIZE, signal);
  for (const number of [0, 1]) {
    const { id, flags } = readPageHeader(bytes, number * db.pageSize);
    if (id !== number) findings.add("STRUCTURE", `meta page ${number}: it says that it is page ${id}`);
    if (flags !== PAGE_FLAG.meta) findings.add("STRUCTURE", `meta page ${number}: it is of type ${flags}`);
  }
}
