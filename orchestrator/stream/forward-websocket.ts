/** Port-forward over a WebSocket: SPDY tunnelled through its messages, or two channels a port. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket } from "ws";
import { ByteQueue } from "./byte-queue.ts";
import { forwardSpdy, type Dial } from "./forward-spdy.ts";
import { onMessages, sendMessage } from "./websocket.ts";

export const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
export const channelForwardProtocols = ["v4.channel.k8s.io", "portforward.k8s.io"] as const;

export async function forwardTunnel(websocket: WebSocket, dial: Dial): Promise<void> {
  const tunnel: Duplex = createWebSocketStream(websocket);
  tunnel.on("error", () => tunnel.destroy());
  await forwardSpdy(tunnel, Buffer.alloc(0), dial);
}

/** Channel 2i carries the data of the i-th port, 2i + 1 its errors; the first message of each names the port. */
export async function forwardChannels(websocket: WebSocket, ports: readonly number[], dial: Dial): Promise<void> {
  const inputs = ports.map(() => new ByteQueue());
  onMessages(websocket, async (data) => await inputs[data[0]! / 2]?.push(data.subarray(1)));
  websocket.once("close", () => {
    for (const input of inputs) input.end();
  });
  websocket.on("error", () => websocket.terminate());
  await Promise.all(ports.map(async (port, index) => await forwardPort(websocket, index, port, inputs[index]!, dial)));
  websocket.close();
}

async function forwardPort(websocket: WebSocket, index: number, port: number, input: ByteQueue, dial: Dial): Promise<void> {
  const send = async (channel: number, data: Uint8Array): Promise<void> => await sendMessage(websocket, Buffer.concat([Uint8Array.of(channel), data]));
  const name = Uint8Array.of(port & 0xff, port >> 8);
  await send(2 * index, name);
  await send(2 * index + 1, name);
  try {
    const pod = await dial(port);
    const sent = (async (): Promise<void> => {
      for await (const chunk of input) if (!pod.write(chunk)) await Promise.race([once(pod, "drain"), once(pod, "close")]);
      pod.end();
    })().catch(() => void pod.destroy());
    for await (const chunk of pod) await send(2 * index, chunk as Buffer);
    input.end();
    await sent;
    pod.destroy();
  } catch (failure) {
    await send(2 * index + 1, Buffer.from(`error forwarding port ${port} to pod: ${failure instanceof Error ? failure.message : String(failure)}`));
  }
}
