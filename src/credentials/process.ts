import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { kill } from "node:process";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { Identity } from "../ports/credentials.ts";
import { toIdentity } from "./sdk.ts";

type Program = ChildProcessByStdio<null, Readable, Readable>;

const outputLimit = 1024 * 1024;

const Answer = z.object({
  Version: z.literal(1),
  AccessKeyId: z.string(),
  SecretAccessKey: z.string(),
  SessionToken: z.string().nullish(),
  Expiration: z.string().nullish(),
});

/**
 * What the shell command of `credential_process` prints. The SDK's own runner has no bound and leaves a program that
 * hangs behind, which then keeps this process from its end as well: here the signal kills it, with all that it started.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export async function runCredentialProcess(command: string, signal: AbortSignal): Promise<Identity> {
  signal.throwIfAborted();
  // A session of its own, so that there is a group to kill; and no input, since nobody is there to be asked.
  const program = spawn("/bin/sh", ["-c", command], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const onAbort = (): void => end(program);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return parseAnswer(await outputOf(program));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function outputOf(program: Program): Promise<string> {
  // Out of descriptors, it has no pipes.
  await once(program, "spawn");
  const [output, complaint] = await Promise.all([
    readAll(program.stdout),
    readAll(program.stderr),
    once(program, "close"),
  ]).catch((error: unknown) => {
    end(program);
    throw error;
  });
  if (program.exitCode === 0) return output;
  const how = program.exitCode === null ? `was ended by ${program.signalCode}` : `ended with ${program.exitCode}`;
  throw new Error(`its credential_process ${how}: ${complaint.trim() || "it said nothing"}`);
}

async function readAll(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    text += chunk;
    if (text.length > outputLimit) throw new Error("its credential_process prints more than 1 MiB");
  }
  return text;
}

/** What hides from the group, as a daemon does, may live on; but then without our pipes. */
function end(program: ChildProcess): void {
  try {
    if (program.pid !== undefined) kill(-program.pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
  program.stdout?.destroy();
  program.stderr?.destroy();
}

function parseAnswer(output: string): Identity {
  const answer = Answer.safeParse(parseJson(output));
  if (!answer.success) {
    const fields = answer.error.issues.map(({ path }) => path.join(".")).filter((path) => path !== "");
    throw new Error(
      `its credential_process printed no JSON of version 1${fields.length > 0 ? `: ${fields.join(", ")}` : ""}`,
    );
  }
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.data;
  return toIdentity({
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken ?? undefined,
    expiration: Expiration ? new Date(Expiration) : undefined,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
