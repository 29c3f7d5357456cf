/** Writes a reply: headers, then the body no faster than the client reads it. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Reply } from "./message.ts";
import { sendFile } from "./send-file.ts";

/** As text, Node sends a body together with the headers; as bytes, behind them, for more than copying so many takes. */
const ONE_PIECE_BYTES = 16 << 10;

/** Resolves when the reply is handed over whole, or the client has left (the body's iterator is closed then). */
export async function send(response: ServerResponse, reply: Reply, headOnly: boolean, stallMs: number): Promise<number> {
  response.writeHead(reply.status, reply.headers as OutgoingHttpHeaders | undefined);
  const { body } = reply;
  if (body === undefined || headOnly) {
    response.end();
    return 0;
  }
  if (typeof body === "string" || body instanceof Uint8Array) {
    if (typeof body === "string" || body.length > ONE_PIECE_BYTES) response.end(body);
    else response.end(bytesOf(body).toString("latin1"), "latin1");
    guard(response, stallMs);
    return body.length;
  }
  const sent = "part" in body ? await sendFile(response, body.part, stallMs) : undefined;
  return sent ?? (await stream(response, body, stallMs));
}

function bytesOf(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.length);
}

async function stream(response: ServerResponse, body: AsyncIterable<Uint8Array | string>, stallMs: number): Promise<number> {
  let sent = 0;
  response.flushHeaders();
  for await (const chunk of body) {
    if (response.destroyed || response.closed) return sent;
    sent += chunk.length;
    if (!response.write(chunk) && !(await drained(response, stallMs))) return sent;
  }
  response.end();
  guard(response, stallMs);
  return sent;
}

/** What is handed over waits for its reader: one that takes nothing for `stallMs` is cut off. Node puts its own time-out in place after that. */
function guard(response: ServerResponse, stallMs: number): void {
  if ((response.socket?.writableLength ?? 0) > 0) response.socket?.setTimeout(stallMs); // HTTP/2 has none once it is closed
}

/** False when the client left, or took nothing for `stallMs`. */
async function drained(response: ServerResponse, stallMs: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const settle = (more: boolean) => (): void => {
      clearTimeout(timer);
      response.off("drain", onDrain).off("close", onClose);
      if (!more) response.destroy();
      resolve(more);
    };
    const onDrain = settle(true);
    const onClose = settle(false);
    const timer = setTimeout(onClose, stallMs);
    response.on("drain", onDrain).on("close", onClose);
  });
}
