/** Accepts WebSockets with the subprotocols of Kubernetes, some of which the WebSocket grammar forbids. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => [...offered][0] ?? false,
  maxPayload: 64 * 2 ** 20,
});

export function offeredProtocols(message: IncomingMessage): string[] {
  return (message.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Undefined when the handshake is refused; the socket is closed then. */
export async function acceptWebSocket(message: IncomingMessage, socket: Duplex, head: Buffer, protocol: string): Promise<WebSocket | undefined> {
  delete message.headers["sec-websocket-protocol"]; // ws would refuse `/` in it
  return await new Promise((resolve) => {
    socket.once("close", () => resolve(undefined));
    const name = (headers: string[], about: IncomingMessage): void => {
      if (about === message && protocol !== "") headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
    };
    server.on("headers", name);
    server.handleUpgrade(message, socket, head, (websocket) => resolve(websocket));
    server.off("headers", name);
  });
}

/** Resolves when the socket has taken it; also when it is closed. */
export async function sendMessage(websocket: WebSocket, data: Uint8Array): Promise<void> {
  if (websocket.readyState !== websocket.OPEN) return;
  await new Promise<void>((resolve) => websocket.send(data, { binary: true }, () => resolve()));
}

/** Messages one at a time: the next is not read before `handle` is done with this one. */
export function onMessages(websocket: WebSocket, handle: (data: Buffer) => Promise<void>): void {
  let last = Promise.resolve();
  let waiting = 0;
  websocket.on("message", (data: Buffer) => {
    waiting++;
    websocket.pause();
    last = last
      .then(() => handle(data))
      .finally(() => {
        if (--waiting === 0) websocket.resume();
      });
  });
}
