/** What a handler gets and what it returns: plain values, so that a handler is tested without a socket. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { FileBody } from "./file-body.ts";
import type { Receive } from "./receive-file.ts";

export interface Request {
  readonly method: string;
  /** Undecoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Decoded parts of the path that the route names. */
  readonly params: Readonly<Record<string, string>>;
  /** Read at most once; not reading it is allowed: the server drains it. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Takes the body instead, where that is quicker; undefined elsewhere. */
  readonly receive?: Receive | undefined;
  /** Aborted when the client goes away before the reply is complete. */
  readonly signal: AbortSignal;
  /** Aborted when the server begins to shut down: long replies end themselves. */
  readonly closing: AbortSignal;
  /** Address of the peer, TLS state; undefined where no socket is (tests). */
  readonly socket: Socket | undefined;
  readonly secure: boolean;
}

export type ReplyHeaders = Readonly<Record<string, string | number | readonly string[]>>;

export interface Reply {
  readonly status: number;
  readonly headers?: ReplyHeaders;
  /** A stream is pulled only as fast as the client reads, and closed when the client leaves. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string> | FileBody;
}

export type Handler = (request: Request) => Promise<Reply> | Reply;
