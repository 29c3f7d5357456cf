/**
 * One large answer over a connection of its own, read into buffers that are used again: a general client copies every 64 KiB into a new one,
 * which costs more than all else that is done with a blob.
 */
import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Lending } from "../../store/lent.ts";
import { descriptorOf, stopReading } from "../../http/transfer.ts";
import { BulkBlocks } from "./bulk-blocks.ts";
import { endOfHead, formatBulkRequest, MAX_HEAD_BYTES, parseBulkHead, type BulkHead } from "./bulk-head.ts";

export interface BulkRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** For https. */
  readonly tls: ConnectionOptions;
  readonly connectMs: number;
  /** Milliseconds without a byte while one is waited for. */
  readonly idleMs: number;
}

export interface BulkAnswer extends Omit<BulkHead, "length"> {
  readonly body: BulkBody;
}

/** Undefined when it is none that can be read this way: the caller asks by other means. @throws what the socket says */
export async function getBulk(request: BulkRequest): Promise<BulkAnswer | undefined> {
  const message = formatBulkRequest(new URL(request.url), request.headers);
  if (message === undefined) return undefined;
  request.signal?.throwIfAborted();
  const body = new BulkBody(request);
  let head: BulkHead | undefined;
  try {
    body.send(message);
    head = await body.head();
  } finally {
    if (head === undefined) body.leave();
  }
  return head === undefined ? undefined : { status: head.status, headers: head.headers, body };
}

/** A connection that Node does not read any more. */
export interface Detached {
  /** Of the socket, for now; undefined once it is closed. */
  readonly descriptor: () => number | undefined;
  /** Came already. */
  readonly head: Buffer;
  /** Bytes of the body that are to come. */
  readonly length: number;
}

export class BulkBody implements Lending {
  readonly #blocks = new BulkBlocks();
  readonly #socket: Socket;
  readonly #signal: AbortSignal | undefined;
  #left = Number.POSITIVE_INFINITY;
  #isStopped = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor({ url, signal, tls, connectMs, idleMs }: BulkRequest) {
    this.#signal = signal;
    this.#socket = open(new URL(url), tls, { buffer: () => this.#blocks.room(), callback: (count) => this.#came(count) });
    this.#socket.setTimeout(connectMs);
    this.#socket.once("connect", () => this.#socket.setTimeout(idleMs));
    this.#socket.on("timeout", () => this.#stalled());
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.once("close", () => this.#fail(new Error("the connection was closed")));
    this.#socket.resume();
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  send(message: string): void {
    this.#socket.write(message, "latin1");
  }

  /** Undefined when it is none of the plain kind. */
  async head(): Promise<BulkHead | undefined> {
    for (;;) {
      const bytes = this.#blocks.peek();
      const end = endOfHead(bytes);
      if (end === undefined && bytes.length > MAX_HEAD_BYTES) return undefined;
      if (end !== undefined) {
        const head = parseBulkHead(this.#blocks.take(end).toString("latin1"));
        this.#left = head?.length ?? 0;
        return head;
      }
      await this.#more();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.lend()) yield Buffer.from(chunk);
  }

  async *lend(): AsyncGenerator<Uint8Array> {
    try {
      while (this.#left > 0) {
        const chunk = this.#blocks.take(this.#left);
        this.#goOn();
        this.#left -= chunk.length;
        if (chunk.length > 0) yield chunk;
        else await this.#more();
      }
    } finally {
      this.leave();
    }
  }

  /** For whoever reads the connection past Node; undefined where that cannot be. It is left as ever. */
  detach(): Detached | undefined {
    const descriptor = (): number | undefined => descriptorOf(this.#socket);
    if (descriptor() === undefined || this.#failure !== undefined) return undefined;
    this.#socket.setTimeout(0);
    stopReading(this.#socket);
    const head = this.#blocks.takeAll(this.#left);
    this.#left -= head.length;
    return { descriptor, head, length: this.#left };
  }

  async dump(): Promise<void> {
    this.leave();
  }

  /** Lets go of the connection, whatever is still to come. */
  leave(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#socket.destroy();
  }

  readonly #abort = (): void => {
    this.#fail(this.#signal?.reason);
    this.#socket.destroy();
  };

  /** False stops the socket until it is resumed. */
  #came(count: number): boolean {
    this.#blocks.filled(count);
    this.#wake?.();
    this.#isStopped = this.#blocks.isFull;
    return !this.#isStopped;
  }

  #goOn(): void {
    if (!this.#isStopped || this.#blocks.isFull) return;
    this.#isStopped = false;
    this.#socket.resume();
  }

  async #more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }

  /** While the reader is busy nothing is waited for: the time begins anew. */
  #stalled(): void {
    if (this.#wake !== undefined) this.#socket.destroy(new Error("no byte came in time"));
    else this.#socket.setTimeout(this.#socket.timeout ?? 0);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}

function open(url: URL, tls: ConnectionOptions, onread: OnReadOpts): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  if (url.protocol !== "https:") return connectPlain({ host, port, onread });
  const name = isIP(host) === 0 ? { servername: host } : {};
  const options = { ...name, ...tls, host, port, ALPNProtocols: ["http/1.1"], onread }; // which its types do not know
  return connectTls(options);
}
