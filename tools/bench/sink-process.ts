import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createAuthority } from "../../test/support/certificates.ts";
import { eventually } from "../../test/support/eventually.ts";
import { tempDir } from "../../test/support/temp-dir.ts";

/** What the sink tells of a snapshot. */
export interface SinkReport {
  /** `/BUCKET/KEY`. */
  readonly object: string;
  readonly size: number;
  /** Of all bytes. */
  readonly sha256: string;
  /** Whether the last 32 bytes are the SHA-256 of all before them. */
  readonly digestRight: boolean;
}

/** A running sink. */
export interface Sink extends AsyncDisposable {
  /** https on 127.0.0.1, under a certificate of `caFile`. */
  readonly endpoint: string;
  readonly caFile: string;
  readonly reports: readonly SinkReport[];
}

const script = fileURLToPath(new URL("sink.ts", import.meta.url));

/** Starts a sink that takes at most `bytesPerSecond`; 0 = as fast as they come. */
export async function startSink(bytesPerSecond = 0): Promise<Sink> {
  const directory = await tempDir("etcd-ark-sink-");
  const files = await writeCertificates(directory.path);
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "--", process.execPath, script, files.cert, files.key, String(bytesPerSecond)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await eventually(() => lines.length > 0 || child.exitCode !== null);
  const { port }: { port: number } = JSON.parse(lines[0] ?? "{}");
  return {
    endpoint: `https://127.0.0.1:${port}`,
    caFile: files.ca,
    get reports() {
      return lines.slice(1).map((line): SinkReport => JSON.parse(line));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function writeCertificates(directory: string) {
  const authority = createAuthority();
  const { cert, key } = authority.issue();
  const files = { ca: authority.cert, cert, key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text, { mode: 0o600 });
  return { ca: join(directory, "ca"), cert: join(directory, "cert"), key: join(directory, "key") };
}
