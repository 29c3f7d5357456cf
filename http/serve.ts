/** A listening server: node's own, one handler, errors turned into replies, and an orderly end. */
import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { HttpError } from "./error.ts";
import { openConnections, type Awaited, type Connections } from "./connections.ts";
import { drain, Incoming } from "./incoming.ts";
import type { Handler, Reply, Request } from "./message.ts";
import { text } from "./reply.ts";
import { send } from "./send.ts";
import { refusePlain } from "./refuse-plain.ts";
import { openTurns } from "./turns.ts";

export interface ServeOptions {
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly handler: Handler;
  /** `ca` asks clients for a certificate (not requiring one). Only HTTP/1.1 is offered. */
  readonly tls?: { readonly certificate: string | Buffer; readonly key: string | Buffer; readonly ca?: string | Buffer };
  /** Takes `Upgrade` requests (HTTP/1.1) whole: the socket is its own from then on. */
  readonly upgrade?: (message: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Turns what a handler throws into a reply; by default plain text, and 500 for what is no HttpError. */
  readonly onError?: (error: unknown, request: Request) => Reply;
  /** Called once for every reply. */
  readonly onReply?: (request: Request, reply: Reply, sent: Sent) => void;
  /** Milliseconds for the headers to arrive. @default 30_000 */
  readonly headersMs?: number;
  /** Milliseconds that a body or a reply may stand still or creep. @default 120_000 */
  readonly stallMs?: number;
  /** For more, those whose body creeps are closed, then those without a request, then those who hardly read: each takes a descriptor, and the process needs some for itself. @default 4096 */
  readonly maxConnections?: number;
}

/** What a request cost: bytes of the reply's body, bytes that were read of its own. */
export interface Sent {
  readonly bytes: number;
  readonly received: number;
  readonly milliseconds: number;
}

export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:5000`, no slash at the end. */
  readonly url: string;
  /** Serves those who connect from now on with another certificate. */
  renew(tls: { readonly certificate: string | Buffer; readonly key: string | Buffer }): void;
  /** Stops listening, lets replies under way end for `graceMs`, then cuts them; ends when their handlers have. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

const HEADERS_MS = 30_000;
const STALL_MS = 120_000;
const MAX_CONNECTIONS = 4096;
/** Requests that a client of HTTP/1.1 may send before it reads a reply: each is worked on at once. */
const MAX_PIPELINED = 32;
/** Accepted before those that they replace are gone. */
const SPARE_CONNECTIONS = 256;
/** Milliseconds between looks for headers that do not come. */
const CHECK_MS = 1_000;
const KEEP_ALIVE_MS = 75_000;
const GRACE_MS = 5_000;
/** Milliseconds: for what is under way still when all connections are closed. */
const PUT_DOWN_MS = 5_000;
/** While shutting down: how often connections that became idle are closed. */
const SWEEP_MS = 10;

export async function serve(options: ServeOptions): Promise<Listener> {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const server = create(options);
  const most = options.maxConnections ?? MAX_CONNECTIONS;
  server.maxConnections = most + SPARE_CONNECTIONS;
  const connections = openConnections(most);
  server.on("connection", (socket: Socket) => connections.add(socket));
  const working = new Set<Promise<void>>();
  const respondTo = respond(options, connections, closing.signal);
  const answer: (...asked: Parameters<Responder>) => void = (...asked) => {
    const work = respondTo(...asked).finally(() => working.delete(work));
    working.add(work);
  };
  server.on("request", (message: IncomingMessage, response: ServerResponse) => answer(message, response));
  server.on("checkContinue", (message: IncomingMessage, response: ServerResponse) => answer(message, response, () => response.writeContinue()));
  const { upgrade } = options;
  if (upgrade !== undefined) {
    server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      connections.begin(message.socket); // for as long as it lives
      upgrade(message, socket, head);
    });
  }
  const host = options.host ?? "127.0.0.1";
  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = async (graceMs = GRACE_MS): Promise<void> => {
    closing.abort();
    await (closed ??= shut(server, graceMs).then(async () => await ended(working)));
  };
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    host,
    port,
    url: `${options.tls === undefined ? "http" : "https"}://${name}:${port}`,
    renew: ({ certificate, key }) => server.setSecureContext?.({ cert: certificate, key }),
    close,
    [Symbol.asyncDispose]: async () => await close(),
  };
}

type AnyServer = Server & Renewable;

/** What servers over TLS have. */
interface Renewable {
  setSecureContext?(options: SecureContextOptions): void;
}

function create({ tls, headersMs = HEADERS_MS }: ServeOptions): AnyServer {
  const limits = {
    headersTimeout: headersMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, headersMs),
    requestTimeout: 0,
    requireHostHeader: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  };
  if (tls === undefined) return createServer(limits);
  const secure = {
    cert: tls.certificate,
    key: tls.key,
    handshakeTimeout: headersMs,
    ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: false }),
  };
  return createTlsServer({ ...secure, ...limits }).on("tlsClientError", refusePlain);
}

type Responder = (message: IncomingMessage, response: ServerResponse, proceed?: () => void) => Promise<void>;

function respond(options: ServeOptions, connections: Connections, closing: AbortSignal): Responder {
  const { stallMs = STALL_MS, onError = refusal } = options;
  const ended = new WeakSet<Socket>(); // nothing that comes after the last request of a connection is one
  const turn = openTurns();
  return async (message, response, proceed): Promise<void> => {
    if (connections.pending(message.socket) >= MAX_PIPELINED) return void message.socket.destroy();
    if (ended.has(message.socket)) return;
    const problem = hostProblem(message);
    if (problem !== undefined) response.shouldKeepAlive = false;
    if (!response.shouldKeepAlive) ended.add(message.socket);
    const started = performance.now();
    response.once("close", connections.begin(message.socket));
    const awaited = (): Awaited => connections.body(message.socket);
    const request = new Incoming(message, response, { closing, stallMs, awaited, ...(proceed === undefined ? {} : { proceed }) });
    response.on("error", ignore); // the client left: what matters is seen in `close`
    const mayBegin = turn(message, response);
    if (mayBegin !== true && !(await mayBegin)) return void response.destroy();
    const reply = problem !== undefined ? text(400, `Cannot answer: ${problem}\n`) : await answer(options.handler, request, onError);
    const reader = { stallMs, taken: (): Awaited => connections.reply(message.socket) };
    const bytes = await send(response, reply, message.method === "HEAD", reader).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined); // cut short: the client must not take it for whole
      return 0;
    });
    if (!message.complete) drain(message, stallMs); // so that the client reads the reply rather than a broken pipe
    options.onReply?.(request, reply, { bytes, received: request.received, milliseconds: performance.now() - started });
  };
}

/** Spec: RFC 9112, section 3.2. Node's own check would go on with the next request, and of two hosts it takes the first. */
function hostProblem({ httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  if (httpVersion === "1.1" && headers.host === undefined) return "the request names no host";
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === "host") hosts++;
  return hosts > 1 ? "the request names several hosts" : undefined;
}

async function answer(handler: Handler, request: Request, onError: (error: unknown, request: Request) => Reply): Promise<Reply> {
  try {
    return await handler(request);
  } catch (error) {
    return onError(error, request);
  }
}

function refusal(error: unknown): Reply {
  if (error instanceof HttpError) return text(error.status, `${error.message}\n`, error.headers);
  return text(500, "Internal error\n");
}

function ignore(): void {}

async function listen(server: AnyServer, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Of those whose client was cut off: they may have to put down what came. */
async function ended(working: ReadonlySet<Promise<void>>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PUT_DOWN_MS)));
  await Promise.race([Promise.allSettled(working), late]);
  clearTimeout(timer);
}

async function shut(server: AnyServer, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS); // kept alive after their last reply
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
  clearInterval(sweep);
}
