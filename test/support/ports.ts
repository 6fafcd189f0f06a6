import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Takes a free TCP port of 127.0.0.1 for as long as this process lives. Parallel test processes never get the same
 * one: each is also claimed as an abstract unix socket, which frees itself when the process dies.
 */
export async function reservePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    // Below the kernel's ephemeral range, so that no outgoing connection takes it while its server restarts.
    const port = randomInt(10_000, 32_000);
    if (!(await listens({ path: `\0etcd-ark-test-port-${port}` }, "keep"))) continue;
    if (await listens({ host: "127.0.0.1", port }, "close")) return port;
  }
  throw new Error("Cannot find a free port on 127.0.0.1");
}

async function listens(where: { path: string } | { host: string; port: number }, then: "keep" | "close") {
  const server = createServer((socket) => socket.destroy()).unref();
  try {
    server.listen(where);
    await once(server, "listening");
  } catch {
    return false;
  }
  if (then === "close") {
    server.close();
    await once(server, "close");
  }
  return true;
}
