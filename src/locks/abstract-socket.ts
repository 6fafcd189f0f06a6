import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { BackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { RunLock } from "../ports/run-lock.ts";

const RETRY_MS = 250;

/**
 * Locks by abstract unix sockets (unix(7)): binding a name that is taken fails, the kernel frees it with
 * the process however that ends, and no file remains.
 *
 * What it does not protect from: names belong to a network namespace, so processes in different
 * containers do not see each other; and they have no owner, so any user of the machine can take one and
 * keep a backup from running (`ss -xlp` shows who). It is a guard against accidents on one node, not
 * against an enemy; nodes are kept apart by create-only objects.
 */
export function createRunLock({ clock }: { readonly clock: Clock }): RunLock {
  return {
    acquire: async (name, waitMs, signal) => {
      const socket = socketName(name);
      const end = clock.monotonic() + waitMs;
      for (;;) {
        signal.throwIfAborted();
        const server = await bind(socket, name);
        if (server) return { [Symbol.asyncDispose]: () => close(server) };
        const leftMs = end - clock.monotonic();
        if (leftMs <= 0) throw held(socket);
        await clock.sleep(Math.min(RETRY_MS, leftMs), signal);
      }
    },
  };
}

/** Without the leading NUL that makes it abstract. Hashed, since unix(7) allows 107 bytes. */
function socketName(name: string): string {
  return `etcd-ark/${createHash("sha256").update(name).digest("hex")}`;
}

/** The bound socket, or `undefined` when another process has it. */
async function bind(socket: string, name: string): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  // Nobody has anything to say here: who connects is shown out.
  const server = createServer((connection) => connection.destroy());
  // For as long as it lives: out of descriptors, it cannot even show somebody out, which is no reason to die.
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(unusable(name, error));
  });
  // A lock that is still held is no reason for the process to live on.
  server.listen({ path: `\0${socket}` }, () => resolve(server)).unref();
  return await promise;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
}

function held(socket: string): BackupError {
  return new BackupError("ALREADY_RUNNING", "Cannot start: another etcd-ark of this node is at work on this cluster", {
    hint: `Wait until it is done, or find it with \`ss -xlp | grep ${socket.slice(0, 21)}\``,
  });
}

function unusable(name: string, cause: unknown): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot take lock "${name}": ${messageOf(cause)}`, {
    hint: "Let the process use unix sockets; under systemd, keep AF_UNIX in RestrictAddressFamilies=",
    cause,
  });
}
