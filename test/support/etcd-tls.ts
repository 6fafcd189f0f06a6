import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority, type LeafOptions } from "./certificates.ts";

/** Files of a TLS cluster. */
export interface EtcdTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** An authority that the cluster does not know, and a pair signed by it. */
  readonly otherCaFile: string;
  readonly otherCertFile: string;
  readonly otherKeyFile: string;
  /** Makes another client pair that the cluster accepts, in files of its own. */
  freshPair(options?: LeafOptions): Promise<{ certFile: string; keyFile: string }>;
}

/** Writes the files into `directory`; the server's own pair is server.crt and server.key there. */
export async function makeTls(directory: string): Promise<EtcdTls> {
  const authority = createAuthority();
  const other = createAuthority("an unrelated CA");
  const write = async (name: string, content: string) => {
    const path = join(directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const writePair = async (name: string, { cert, key }: { cert: string; key: string }) => ({
    certFile: await write(`${name}.crt`, cert),
    keyFile: await write(`${name}.key`, key),
  });
  const otherPair = await writePair("other", other.issue());
  let fresh = 0;
  await writePair("server", authority.issue());
  return {
    caFile: await write("ca.crt", authority.cert),
    ...(await writePair("client", authority.issue())),
    otherCaFile: await write("other-ca.crt", other.cert),
    otherCertFile: otherPair.certFile,
    otherKeyFile: otherPair.keyFile,
    freshPair: (options) => writePair(`client-${++fresh}`, authority.issue(options)),
  };
}

/** The files' content, for a client of node's own. */
export async function readTls(tls: EtcdTls): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
  return { ca: await readFile(tls.caFile), cert: await readFile(tls.certFile), key: await readFile(tls.keyFile) };
}
