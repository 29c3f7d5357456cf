/** Joins a client's datagrams to a backend: one socket a client, forgotten when it has been silent. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { keyOfBackend, type Backend } from "./routes.ts";

const SILENCE_MS = 60_000;
/** Each has a descriptor; beyond it the oldest is forgotten. */
const MAX_FLOWS = 4096;

export interface DatagramForwarder extends Disposable {
  /** Ends the flows to all others: the next datagram of their clients finds a new backend. */
  retain(backends: readonly Backend[]): void;
}

interface Flow {
  readonly upstream: Socket;
  readonly backend: Backend;
  readonly timer: NodeJS.Timeout;
  readonly end: () => void;
}

/** Listens when it resolves; `next` is asked for each client that is new. Dispose ends all flows. @throws when the address is taken */
export async function forwardDatagrams(address: string, port: number, next: (client: string) => Backend | undefined): Promise<DatagramForwarder> {
  const flows = new Map<string, Flow>();
  const server = createSocket(address.includes(":") ? "udp6" : "udp4");
  server.on("message", (data, from) => {
    const key = `${from.address}:${from.port}`;
    const flow = flows.get(key) ?? open(server, from, next(from.address), () => flows.delete(key));
    if (flow === undefined) return;
    flows.set(key, flow);
    if (flows.size > MAX_FLOWS) flows.values().next().value?.end();
    flow.timer.refresh();
    flow.upstream.send(data, flow.backend.port, flow.backend.host);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.bind(port, address, () => {
      server.off("error", reject);
      server.on("error", () => {}); /* a client that is gone */
      resolve();
    });
  });
  return {
    retain(backends): void {
      const kept = new Set(backends.map(keyOfBackend));
      for (const { backend, end } of flows.values()) if (!kept.has(keyOfBackend(backend))) end();
    },
    [Symbol.dispose](): void {
      for (const { end } of flows.values()) end();
      server.close();
    },
  };
}

function open(server: Socket, client: RemoteInfo, backend: Backend | undefined, onEnd: () => void): Flow | undefined {
  if (backend === undefined) return undefined;
  const upstream = createSocket("udp4");
  const end = (): void => {
    clearTimeout(timer);
    onEnd();
    upstream.close();
  };
  const timer = setTimeout(end, SILENCE_MS).unref();
  upstream.on("message", (data) => server.send(data, client.port, client.address));
  upstream.once("error", end);
  return { upstream, backend, timer, end };
}
