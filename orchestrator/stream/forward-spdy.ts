/** Port-forward over SPDY: each connection is a pair of streams, one for an error and one for data. Spec: portforward.k8s.io. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { SpdyConnection, type SpdyStream } from "./spdy.ts";

export const spdyForwardProtocol = "portforward.k8s.io";

/** A TCP connection to a port of the pod. */
export type Dial = (port: number) => Promise<Socket>;

export async function forwardSpdy(socket: Duplex, head: Buffer, dial: Dial): Promise<void> {
  const pairs = new Map<string, { error?: SpdyStream; data?: SpdyStream }>();
  const connection: SpdyConnection = new SpdyConnection(socket, (stream) => {
    const id = stream.headers.get("requestid") ?? String(stream.id);
    const pair = pairs.get(id) ?? {};
    pairs.set(id, pair);
    const type = stream.headers.get("streamtype");
    if (type === "error" || type === "data") pair[type] = stream;
    else void connection.reset(stream.id);
    if (pair.error === undefined || pair.data === undefined) return;
    pairs.delete(id);
    void forwardPair(pair.error, pair.data, dial);
  });
  await connection.run(head);
}

async function forwardPair(error: SpdyStream, data: SpdyStream, dial: Dial): Promise<void> {
  const port = Number(data.headers.get("port"));
  try {
    await join(data, await dial(port));
  } catch (failure) {
    await error.write(Buffer.from(`error forwarding port ${port} to pod: ${failure instanceof Error ? failure.message : String(failure)}`));
  }
  await error.end();
  await data.end();
}

/** Either side's end is passed on to the other; ends when both have. */
async function join(stream: SpdyStream, pod: Socket): Promise<void> {
  const sent = (async (): Promise<void> => {
    for await (const chunk of stream.input) if (!pod.write(chunk)) await Promise.race([once(pod, "drain"), once(pod, "close")]);
    pod.end();
  })().catch(() => void pod.destroy());
  try {
    for await (const chunk of pod) await stream.write(chunk as Buffer);
  } finally {
    stream.input.end();
    await sent;
    pod.destroy();
  }
}
