/**
 * Bytes between a socket and a file without Node: threads of an addon move them, and the event loop only learns the end.
 * Only for plain sockets of Linux; where it cannot be had, everything goes through streams as usual.
 */
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";

export interface Ended {
  /** Name of the error that ended it early, as `EPIPE`. */
  readonly code: string | undefined;
  /** Hex, of all that was received; undefined where it was added to a hash that goes on. */
  readonly sha256: string | undefined;
  /** The error is the file's, not the connection's. */
  readonly isOfFile: boolean;
}

/** A sha256 of what transfers receive one after the other, and of what is added here between them. */
export interface RunningHash {
  readonly handle: object;
  /** Here and now: for little. */
  add(bytes: Buffer): void;
  /** Hex, once. */
  digest(): string | undefined;
}

export interface Transfer {
  readonly ended: Promise<Ended>;
  /** Bytes that went over the socket so far. */
  moved(): number;
  /** It ends with ECANCELED, soon unless the client takes none of an earlier reply. The connection can be gone on with. */
  stop(): void;
  /** It ends soon, and so does the connection. */
  cut(): void;
}

/** How many bytes were moved since it was called last. */
export function movedSince(transfer: Transfer): () => number {
  let before = 0;
  return () => {
    const now = transfer.moved();
    const more = now - before;
    before = now;
    return more;
  };
}

export interface Sending {
  readonly start: number;
  readonly end: number;
  /** Spares whoever receives at the cost of who sends: for a receiver in this machine that all wait for. */
  readonly copies?: boolean;
}

/** Descriptors may be closed as soon as this returns. @throws when it cannot begin */
export function sendPart(socket: number, file: number, { start, end, copies = false }: Sending): Transfer {
  return begin((native, done) => native.send(socket, file, start, end - start, done, copies));
}

export interface Receiving {
  /** Where in the file it goes on. */
  readonly offset: number;
  readonly length: number;
  /** Is put before what comes. */
  readonly head: Buffer;
  /** Goes on with this one, and gives no digest. */
  readonly hash?: RunningHash;
}

/** Likewise. */
export function receivePart(socket: number, file: number, { offset, length, head, hash }: Receiving): Transfer {
  return begin((native, done) => native.receive?.(socket, file, offset, length, head, done, ...(hash === undefined ? [] : [hash.handle])));
}

/** Undefined where nothing can be received. */
export function openHash(): RunningHash | undefined {
  const native = addon();
  const handle = native?.hash?.();
  if (native === undefined || handle === undefined) return undefined;
  return { handle, add: (bytes) => native.add?.(handle, bytes), digest: () => native.digest?.(handle) };
}

export function canSend(): boolean {
  return addon() !== undefined;
}

export function canReceive(): boolean {
  return addon()?.receive !== undefined;
}

/** A connection to who listens at an address of loopback, whose bytes leave as fast as they are taken. Undefined: it has to be made as usual. */
export function dialLoopback(address: string, port: number): Socket | undefined {
  const fd = addon()?.dial(address, port);
  return fd === undefined ? undefined : new Socket({ fd, readable: true, writable: true }).setNoDelay(true);
}

/** What Node has of a socket and does not tell officially. */
interface Handle {
  readonly fd?: unknown;
  reading?: boolean;
  readStop?(): void;
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as { readonly _handle?: Handle | null })._handle ?? undefined;
}

/** Of a socket that carries what is written to it as it is. */
export function descriptorOf(socket: unknown): number | undefined {
  if (!(socket instanceof Socket) || socket instanceof TLSSocket || socket.destroyed) return undefined;
  const fd = handleOf(socket)?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

/** Until it is resumed. `pause` alone does nothing for one that is paused already, though a late `resume` had it read on. */
export function stopReading(socket: Socket): void {
  socket.pause();
  const handle = handleOf(socket);
  if (handle?.reading !== true) return;
  handle.reading = false;
  handle.readStop?.();
}

type Done = (errno: number, sha256: string | undefined, isOfFile: boolean) => void;

interface Addon {
  send(socket: number, file: number, offset: number, length: number, done: Done, copies: boolean): object;
  /** Absent where Node does not export its OpenSSL. */
  receive?(socket: number, file: number, offset: number, length: number, head: Buffer, done: Done, hash?: object): object;
  hash?(): object;
  add?(hash: object, bytes: Buffer): void;
  digest?(hash: object): string | undefined;
  moved(transfer: object): number;
  stop(transfer: object): void;
  cut(transfer: object): void;
  dial(address: string, port: number): number | undefined;
}

let loaded: { readonly addon: Addon | undefined } | undefined;

function addon(): Addon | undefined {
  return (loaded ??= { addon: load() }).addon;
}

function load(): Addon | undefined {
  try {
    return createRequire(import.meta.url)(fileURLToPath(new URL("../../build/Release/strata-transfer.node", import.meta.url))) as Addon;
  } catch {
    return undefined; // not built for this machine, or another thread's
  }
}

function begin(start: (native: Addon, done: Done) => object | undefined): Transfer {
  const native = addon();
  if (native === undefined) throw new Error("Cannot transfer: the addon is not there");
  let end: (ended: Ended) => void = () => {};
  const ended = new Promise<Ended>((resolve) => (end = resolve));
  const handle = start(native, (errno, sha256, isOfFile) => end({ code: errno === 0 ? undefined : getSystemErrorName(-errno), sha256, isOfFile }));
  if (handle === undefined) throw new Error("Cannot transfer: the addon does not do that");
  return { ended, moved: () => native.moved(handle), stop: () => native.stop(handle), cut: () => native.cut(handle) };
}
