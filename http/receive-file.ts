/**
 * The body of a request straight into a file: the connection is Node's until its headers are read, then the addon's, and Node's
 * again for the reply. Node's parser has to know that the body went by: it is shown as many bytes that it hands to nobody.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Awaited } from "./connections.ts";
import { HttpError } from "./error.ts";
import { measurePace } from "./pace.ts";
import { canReceive, descriptorOf, movedSince, receivePart, stopReading, type Transfer } from "./transfer.ts";

export interface Received {
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** Writes the body into `file`, a descriptor, from `offset` on. @throws {HttpError} 408, 499; what came until then is written. */
export type Receive = (file: number, offset: number) => Promise<Received>;

export interface ReceiveOptions {
  readonly stallMs: number;
  readonly proceed?: () => void;
  readonly awaited?: () => Awaited;
}

/** Less is read sooner than a thread is woken. */
const LEAST_BYTES = 1 << 20;
const LOOKS = 4;

/** Undefined where the body has to be read as a stream. */
export function receiver(message: IncomingMessage, response: ServerResponse, options: ReceiveOptions): Receive | undefined {
  const length = Number(message.headers["content-length"]);
  if (!(length >= LEAST_BYTES) || message.headers["transfer-encoding"] !== undefined) return undefined;
  const isReady = message.httpVersionMajor === 1 && message.readableFlowing === null && response.socket === message.socket && canReceive();
  if (!isReady || descriptorOf(message.socket) === undefined || parserOf(message) === undefined) return undefined;
  return async (file, offset) => await receive(message, { file, offset, length }, options);
}

interface Target {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

async function receive(message: IncomingMessage, target: Target, { stallMs, proceed, awaited: open }: ReceiveOptions): Promise<Received> {
  const awaited = open?.();
  const { socket } = message;
  proceed?.();
  const head = await detach(message);
  const left = target.length - head.length;
  const fd = descriptorOf(socket);
  if (fd === undefined) throw new HttpError(499, LEFT);
  const transfer = begin(message, () => receivePart(fd, target.file, { offset: target.offset, length: left, head }));
  const cut = (): void => transfer.cut();
  socket.once("close", cut);
  awaited?.waits(movedSince(transfer));
  const watch = watchReceiving(transfer, stallMs);
  const { code, sha256 } = await transfer.ended;
  clearInterval(watch.timer);
  awaited?.ended();
  socket.off("close", cut);
  giveBack(message, transfer.moved());
  if (code === undefined && sha256 !== undefined) return { size: target.length, sha256 };
  throw failure(code, watch.refusal);
}

/** Where it cannot begin, for want of descriptors say, the connection is Node's again. */
function begin(message: IncomingMessage, start: () => Transfer): Transfer {
  try {
    return start();
  } catch (error) {
    giveBack(message, 0);
    throw error;
  }
}

const LEFT = "Cannot read the request body: the client went away";

function failure(code: string | undefined, refusal: HttpError | undefined): Error {
  if (refusal !== undefined) return refusal;
  if (code === "ECANCELED" || code === "ECONNRESET" || code === "EPIPE" || code === "ETIMEDOUT") return new HttpError(499, LEFT);
  return Object.assign(new Error(`Cannot keep the request body: ${code ?? "no digest"}`), { code });
}

interface Watch {
  readonly timer: NodeJS.Timeout;
  refusal: HttpError | undefined;
}

function watchReceiving(transfer: Transfer, stallMs: number): Watch {
  const pace = measurePace(stallMs);
  const moved = movedSince(transfer);
  const look = (): void => {
    if (pace.took(moved(), stallMs / LOOKS)) return;
    if (watch.refusal !== undefined) return transfer.cut(); // nobody would read it
    const message = `Cannot read the request body: next to nothing came in ${stallMs / 1000} s`;
    watch.refusal = new HttpError(408, message, { headers: { connection: "close" } });
    transfer.stop();
  };
  const watch: Watch = { timer: setInterval(look, stallMs / LOOKS), refusal: undefined };
  return watch;
}

/** What Node's parser has of the body. It reads no more then. */
async function detach(message: IncomingMessage): Promise<Buffer> {
  message._read = (): void => {}; // asks the socket for more otherwise
  stopReading(message.socket);
  await nextTurn(); // a `resume` that was on its way
  stopReading(message.socket);
  return (message.read() as Buffer | null) ?? Buffer.alloc(0);
}

/** Node goes on behind the `passed` bytes that it did not see. */
function giveBack(message: IncomingMessage, passed: number): void {
  const parser = parserOf(message);
  if (parser === undefined) return; // the connection is gone
  const { kOnBody } = parser.constructor;
  const onBody = parser[kOnBody];
  parser[kOnBody] = undefined;
  for (let left = passed; left > 0;) {
    const count = Math.min(left, UNSEEN.length);
    if (parser.execute(UNSEEN.subarray(0, count)) !== count) return void message.socket.destroy();
    left -= count;
  }
  parser[kOnBody] = onBody;
  delete (message as Partial<IncomingMessage>)._read;
  if (message.complete) message.resume(); // to its end
  message.socket.resume();
}

/** Never looked at, so it takes no memory. */
const UNSEEN = Buffer.allocUnsafeSlow(1 << 20);

/** The part of Node's own parser that is used: in all releases since 12, but nowhere promised. */
interface Parser {
  readonly constructor: { readonly kOnBody: number };
  readonly incoming: unknown;
  execute(bytes: Buffer): unknown;
  [callback: number]: unknown;
}

function parserOf({ socket }: { readonly socket: Socket }): Parser | undefined {
  const { parser } = socket as { readonly parser?: Parser | null };
  const callback = parser?.constructor.kOnBody;
  const isKnown = typeof callback === "number" && typeof parser?.[callback] === "function" && typeof parser.execute === "function";
  return isKnown ? (parser ?? undefined) : undefined;
}
