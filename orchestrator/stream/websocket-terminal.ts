/** Exec and attach over a WebSocket: the first byte of a message is its channel. Spec: Kubernetes remotecommand subprotocols v4 and v5. */
import type { WebSocket } from "ws";
import type { Status } from "../errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import { parseSizes, type RemoteTerminal } from "./remote-terminal.ts";
import type { TerminalOptions } from "./spdy-terminal.ts";
import { onMessages, sendMessage } from "./websocket.ts";

const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const NORMAL_CLOSURE = 1000;

/** Best first. v5 can close stdin, v4 cannot. */
export const websocketTerminalProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

export function openWebsocketTerminal(websocket: WebSocket, options: TerminalOptions): RemoteTerminal {
  const stdin = new ByteQueue();
  const sizes = new ByteQueue();
  const gone = new AbortController();
  onMessages(websocket, async (data) => {
    const [channel, payload] = [data[0], data.subarray(1)];
    if (channel === CHANNEL.stdin) await stdin.push(payload);
    else if (channel === CHANNEL.resize) await sizes.push(payload);
    else if (channel === CHANNEL.close && payload[0] === CHANNEL.stdin) stdin.end();
  });
  websocket.once("close", () => {
    gone.abort();
    stdin.end();
    sizes.end();
  });
  websocket.on("error", () => websocket.terminate());
  const send = async (channel: number, data: Uint8Array): Promise<void> => await sendMessage(websocket, Buffer.concat([Uint8Array.of(channel), data]));
  return {
    input: options.stdin ? stdin : undefined,
    sizes: options.tty ? parseSizes(sizes) : undefined,
    gone: gone.signal,
    send: async (stream, data) => await send(CHANNEL[stream], data),
    finish: async (status: Partial<Status>) => {
      await send(CHANNEL.error, Buffer.from(JSON.stringify(status)));
      websocket.close(NORMAL_CLOSURE);
    },
  };
}
