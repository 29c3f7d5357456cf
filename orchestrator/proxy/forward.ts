/** Joins a client's connection to a backend: tries one after the other until one answers, then bytes flow both ways. */
import { connect, type Socket } from "node:net";
import { keyOfBackend, type Backend } from "./routes.ts";

/** A backend that has not accepted by then is passed over. */
const DIAL_MS = 2000;

/** `next` gives a backend not in `tried`, or undefined when there is none left. The client is closed when nobody answers. */
export async function forward(client: Socket, next: (tried: ReadonlySet<string>) => Backend | undefined): Promise<void> {
  client.pause();
  client.on("error", () => client.destroy());
  const tried = new Set<string>();
  for (let backend = next(tried); backend !== undefined && !client.destroyed; backend = next(tried)) {
    tried.add(keyOfBackend(backend));
    const upstream = await dial(backend);
    if (upstream === undefined) continue;
    if (client.destroyed) return void upstream.destroy();
    return join(client, upstream);
  }
  client.resetAndDestroy();
}

async function dial({ host, port }: Backend): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error("timeout")), DIAL_MS);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

/** Half-closed connections stay half-closed; a broken side breaks the other. */
function join(client: Socket, upstream: Socket): void {
  upstream.on("error", () => client.destroy());
  upstream.once("close", () => client.destroySoon());
  client.once("close", () => upstream.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}
