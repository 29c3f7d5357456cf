/** Writes a reply: headers, then the body no faster than the client reads it. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Reply } from "./message.ts";
import { measurePace } from "./pace.ts";
import type { Reader } from "./reader.ts";
import { sendFile } from "./send-file.ts";

/** What is longer goes in slices, no faster than it is read. */
const SLICE_BYTES = 256 << 10;
/** As text, Node sends a body together with the headers; as bytes, behind them, for more than copying so many takes. */
const ONE_PIECE_BYTES = 16 << 10;

/** Resolves when the reply is handed over whole, or the client has left (the body's iterator is closed then). */
export async function send(response: ServerResponse, reply: Reply, headOnly: boolean, reader: Reader): Promise<number> {
  response.writeHead(reply.status, reply.headers as OutgoingHttpHeaders | undefined);
  const { body } = reply;
  if (body === undefined || headOnly) {
    response.end();
    return 0;
  }
  if (typeof body === "string" || body instanceof Uint8Array) {
    if (body.length > SLICE_BYTES) return await stream(response, slices(Buffer.from(body)), reader);
    if (typeof body === "string" || body.length > ONE_PIECE_BYTES) response.end(body);
    else response.end(bytesOf(body).toString("latin1"), "latin1");
    guard(response, reader);
    return body.length;
  }
  const sent = "part" in body ? await sendFile(response, body.part, reader) : undefined;
  return sent ?? (await stream(response, body, reader));
}

function bytesOf(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.length);
}

async function* slices(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

async function stream(response: ServerResponse, body: AsyncIterable<Uint8Array | string>, reader: Reader): Promise<number> {
  let sent = 0;
  const taken = reader.taken?.();
  const pace = measurePace(reader.stallMs);
  response.flushHeaders();
  for await (const chunk of body) {
    if (response.destroyed || response.closed) return sent;
    sent += chunk.length;
    const asked = performance.now();
    taken?.waits();
    const isTaken = response.write(chunk) || (await drained(response, reader.stallMs));
    taken?.ended();
    if (!isTaken) return sent;
    if (!pace.took(chunk.length, performance.now() - asked)) response.destroy();
  }
  response.end();
  guard(response, reader);
  return sent;
}

/** What is handed over waits for its reader: one that takes nothing for `stallMs` is cut off. Node puts its own time-out in place after that. */
function guard(response: ServerResponse, { stallMs, taken: open }: Reader): void {
  if ((response.socket?.writableLength ?? 0) === 0) return;
  response.socket?.setTimeout(stallMs);
  const taken = open?.();
  taken?.waits();
  response.once("close", () => taken?.ended());
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
