/**
 * A lock between processes that ends with its holder: an abstract socket of this network namespace.
 * Waiters hang on a connection to the holder, so nobody polls and a killed holder frees it.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export async function lock(name: string): Promise<AsyncDisposable> {
  for (;;) {
    const held = await tryLock(name);
    if (held !== undefined) return held;
    await released(name);
  }
}

/** Undefined when someone else holds it. */
export async function tryLock(name: string): Promise<AsyncDisposable | undefined> {
  const waiters = new Set<Socket>();
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => waiters.delete(socket));
  });
  if (!(await listen(server, `\0strata/${name}`))) return undefined;
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of waiters) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, path: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen({ path }, () => resolve(true));
  });
}

async function released(name: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ path: `\0strata/${name}` });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
  });
}
