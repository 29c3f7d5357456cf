/** A node request as a `Request`: fields that cost something are made when they are first read. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Awaited } from "./connections.ts";
import { HttpError } from "./error.ts";
import type { Request } from "./message.ts";
import { measurePace } from "./pace.ts";
import { receiver, type Receive } from "./receive-file.ts";

export interface IncomingOptions {
  readonly closing: AbortSignal;
  /** Milliseconds without a byte of the body, or with next to none, after which the request is given up. */
  readonly stallMs: number;
  /** Tells a client that waits for it to send the body. */
  readonly proceed?: () => void;
  /** Hears how the body comes. */
  readonly awaited?: () => Awaited;
}

interface Counting {
  readonly received: (bytes: number) => void;
}

export class Incoming implements Request {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>> = {};
  readonly closing: AbortSignal;
  /** Bytes of its body that were read. */
  received = 0;
  private readonly message: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly options: IncomingOptions;
  private readonly queryText: string;
  private readonly authority: string | undefined;
  private lazyHeaders: IncomingHttpHeaders | undefined;
  private lazyQuery: URLSearchParams | undefined;
  private lazyAbort: AbortController | undefined;

  constructor(message: IncomingMessage, response: ServerResponse, options: IncomingOptions) {
    const { authority, target: url } = readTarget(message.url ?? "/");
    const mark = url.indexOf("?");
    this.method = message.method ?? "GET";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.closing = options.closing;
    this.queryText = mark < 0 ? "" : url.slice(mark + 1);
    this.authority = authority;
    this.message = message;
    this.response = response;
    this.options = options;
  }

  get headers(): IncomingHttpHeaders {
    if (this.authority === undefined) return this.message.headers;
    return (this.lazyHeaders ??= { ...this.message.headers, host: this.authority });
  }

  get query(): URLSearchParams {
    return (this.lazyQuery ??= new URLSearchParams(this.queryText));
  }

  get socket(): Socket {
    return this.message.socket;
  }

  get secure(): boolean {
    return (this.message.socket as Partial<TLSSocket>).encrypted === true;
  }

  get signal(): AbortSignal {
    if (this.lazyAbort !== undefined) return this.lazyAbort.signal;
    const abort = new AbortController();
    this.response.once("close", () => {
      if (!this.response.writableFinished) abort.abort(new HttpError(499, "The client went away"));
    });
    return (this.lazyAbort = abort).signal;
  }

  get body(): AsyncIterable<Uint8Array> {
    return read(this.message, { ...this.options, received: (bytes) => void (this.received += bytes) });
  }

  get receive(): Receive | undefined {
    const receive = receiver(this.message, this.response, this.options);
    if (receive === undefined) return undefined;
    return async (file, offset) => {
      const whole = await receive(file, offset);
      this.received += whole.size;
      return whole;
    };
  }
}

/** As a client asks a proxy: what it names counts, not its Host. Spec: RFC 9112, section 3.2.2. */
function readTarget(url: string): { readonly authority: string | undefined; readonly target: string } {
  if (url.startsWith("/")) return { authority: undefined, target: url };
  const [, authority, rest = ""] = /^https?:\/\/([^/?#@]+)((?:[/?].*)?)$/i.exec(url) ?? [];
  return authority === undefined ? { authority, target: url } : { authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

/** Leaving the loop early keeps the connection, so that the reply still reaches the client. @throws {HttpError} 408, 499 */
async function* read(message: IncomingMessage, { stallMs, proceed, awaited: open, received }: IncomingOptions & Counting): AsyncGenerator<Uint8Array> {
  const awaited = open?.();
  proceed?.();
  const stalled = (): void => {
    message.destroy(new HttpError(408, `Cannot read the request body: nothing came for ${stallMs / 1000} s`));
  };
  message.setTimeout(stallMs, stalled);
  const pace = measurePace(stallMs);
  let asked = performance.now();
  awaited?.waits();
  try {
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      awaited?.came((chunk as Uint8Array).length);
      received((chunk as Uint8Array).length);
      if (!pace.took((chunk as Uint8Array).length, performance.now() - asked)) throw creeping(stallMs);
      message.setTimeout(0); // the time until the next is asked for is not the client's
      yield chunk as Uint8Array;
      message.setTimeout(stallMs);
      asked = performance.now();
      awaited?.waits();
    }
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(499, "Cannot read the request body: the client went away", { cause: error });
  } finally {
    awaited?.ended();
    message.setTimeout(0);
    message.off("timeout", stalled);
  }
  if (!message.complete) throw new HttpError(499, "Cannot read the request body: the client went away");
}

function creeping(stallMs: number): HttpError {
  return new HttpError(408, `Cannot read the request body: next to nothing came in ${stallMs / 1000} s`, { headers: { connection: "close" } });
}

/** Reads on and keeps nothing, at the pace that a body must have. Of one that was cut off nothing comes any more, not even its end. */
export function drain(message: IncomingMessage, stallMs: number): void {
  if (message.destroyed || message.socket.destroyed) return;
  const pace = measurePace(stallMs);
  let before = message.socket.bytesRead;
  const timer = setInterval(() => {
    const { bytesRead } = message.socket;
    if (!pace.took(bytesRead - before, stallMs)) {
      clearInterval(timer);
      message.destroy();
    }
    before = bytesRead;
  }, stallMs);
  const end = (): void => {
    clearInterval(timer);
    message.off("close", end);
    message.socket.off("close", end);
  };
  message.once("close", end);
  message.socket.once("close", end); // Node tells a request of that no more once it is answered
  message.resume();
}
