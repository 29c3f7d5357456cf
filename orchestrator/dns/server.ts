/** The cluster's name server on one address: datagrams and streams. */
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import type { Answerer } from "./answer.ts";
import { frame, messages } from "./frame.ts";

const IDLE_MS = 10_000;
/** Of all pods together: a descriptor each, which the rest of the control plane needs too. */
const MAX_STREAMS = 1_000;

/** Listens when it resolves; dispose ends it. */
export async function serveNames(address: string, port: number, answer: Answerer): Promise<AsyncDisposable> {
  const datagrams = await serveDatagrams(address, port, answer);
  const streams = await serveStreams(address, port, answer).catch((error: unknown) => {
    datagrams[Symbol.dispose]();
    throw error;
  });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      datagrams[Symbol.dispose]();
      await streams[Symbol.asyncDispose]();
    },
  };
}

async function serveDatagrams(address: string, port: number, answer: Answerer): Promise<Disposable> {
  const socket = createSocket({ type: "udp4", reuseAddr: false });
  let open = true;
  socket.on("message", (query, from) => {
    void answer(query, "udp")
      .then((reply) => void (reply !== undefined && open && socket.send(reply, from.port, from.address)))
      .catch(() => {}); // the client asks again
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      socket.on("error", () => {}); /* a client that is gone */
      resolve();
    });
  });
  return {
    [Symbol.dispose](): void {
      open = false;
      socket.close();
    },
  };
}

async function serveStreams(address: string, port: number, answer: Answerer): Promise<AsyncDisposable> {
  const clients = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    clients.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy()).on("close", () => clients.delete(socket));
    void talk(socket, answer).catch(() => socket.destroy());
  });
  server.maxConnections = MAX_STREAMS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of clients) socket.destroy();
      await closed;
    },
  };
}

async function talk(socket: Socket, answer: Answerer): Promise<void> {
  for await (const query of messages(socket)) {
    const reply = await answer(query, "tcp");
    if (reply !== undefined && !socket.write(frame(reply))) await drained(socket);
  }
  socket.end();
}

/** Who asks and does not read is not answered further; in the end the stream is idle. */
async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      socket.off("drain", go).off("close", go);
      resolve();
    };
    socket.on("drain", go).on("close", go);
  });
}
