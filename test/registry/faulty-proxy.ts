/** A proxy before an S3 service that refuses, stalls and cuts as it is told. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  readonly cuts: number;
  /** Connections at the same time, at most. */
  readonly most: number;
  /** The next `times` requests get this status. */
  fail(times: number, status: number): void;
  /** Requests are taken and never answered. */
  stall(): void;
  /** The next request of this method is done, and its answer never arrives. */
  loseAnswer(method: string): void;
  /** Bodies of downloads end after so many bytes. */
  cutAfter(bytes: number): void;
  /** Bodies of downloads stand still once they began. */
  holdBodies(): void;
  heal(): void;
}

export async function faultyProxy(to: number): Promise<FaultyProxy> {
  let [times, status, cutAt, cuts, isStalled] = [0, 0, Number.POSITIVE_INFINITY, 0, false];
  let lost: string | undefined;
  let [open, most, isHolding] = [0, 0, false];
  const server = createServer((incoming, outgoing) => {
    if (isStalled) return;
    if (incoming.method === lost) {
      [lost, cuts] = [undefined, cuts + 1];
      return lose(to, incoming);
    }
    if (times > 0) {
      times -= 1;
      incoming.resume();
      outgoing.writeHead(status).end();
      return;
    }
    const onData = (sent: number, reply: IncomingMessage): boolean => {
      if (isHolding) reply.pause();
      if (sent >= cutAt) cuts += 1;
      return sent >= cutAt;
    };
    forward(to, incoming, outgoing, onData);
  });
  server.on("connection", (socket) => {
    most = Math.max(most, (open += 1));
    socket.once("close", () => (open -= 1));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get cuts(): number {
      return cuts;
    },
    get most(): number {
      return most;
    },
    fail: (count, code) => void ([times, status] = [count, code]),
    loseAnswer: (method) => void (lost = method),
    stall: () => void (isStalled = true),
    cutAfter: (bytes) => void (cutAt = bytes),
    holdBodies: () => void (isHolding = true),
    heal: () => void ([times, cutAt, isStalled] = [0, Number.POSITIVE_INFINITY, false]),
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function lose(to: number, incoming: IncomingMessage): void {
  const { method, url, headers } = incoming;
  const cut = (): void => void incoming.socket.destroy();
  incoming.pipe(request({ host: "127.0.0.1", port: to, method, path: url, headers }, (reply) => void reply.resume().on("end", cut)).on("error", cut));
}

/** `isCut` is asked after each piece of a download. */
function forward(to: number, incoming: IncomingMessage, outgoing: ServerResponse, isCut: (sent: number, reply: IncomingMessage) => boolean): void {
  const { method, url, headers } = incoming;
  const onward = request({ host: "127.0.0.1", port: to, method, path: url, headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    let sent = 0;
    reply.on("data", (bytes: Buffer) => {
      sent += bytes.length;
      outgoing.write(bytes);
      if (!isCut(sent, reply)) return;
      onward.destroy();
      outgoing.destroy();
    });
    reply.on("end", () => outgoing.end());
    reply.on("error", () => outgoing.destroy());
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}
