/** The rest of an answer straight into a file: a thread of an addon moves and hashes it, and Node only looks how far it is. */
import { write } from "node:fs";
import { getSystemErrorMap, promisify } from "node:util";
import { receivePart, type RunningHash } from "../../http/transfer.ts";
import type { Detached } from "./bulk.ts";
import { Pace, type Stalled } from "./pace.ts";

/** A file, and the hash of all that is in it. */
export interface Target {
  readonly file: number;
  readonly hash: RunningHash;
}

export interface ReceiveOptions {
  /** Where in the file it goes on. */
  readonly offset: number;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly onBytes: (count: number) => void;
}

/** The file refused bytes: another attempt would not help. */
export class FileFailure extends Error {
  constructor(code: string) {
    super(`Cannot write: ${code}`);
    this.name = "FileFailure";
    const [, said = "unknown error"] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
    this.cause = Object.assign(new Error(`${code}: ${said}, write`), { code, syscall: "write" });
  }
}

const writePart = promisify(write);

/** A piece that came through Node. @throws {FileFailure} */
export async function pour({ file, hash }: Target, offset: number, piece: Uint8Array): Promise<void> {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  try {
    for (let at = 0; at < bytes.length;) at += (await writePart(file, bytes, at, bytes.length - at, offset + at)).bytesWritten;
  } catch (error) {
    throw new FileFailure((error as NodeJS.ErrnoException).code ?? "EIO");
  }
  hash.add(bytes);
}

/** Milliseconds: how often progress is seen. */
const LOOK_MS = 50;
const NOTHING = Buffer.alloc(0);

/** What was told by `onBytes` is written and hashed, however it ends. @throws {FileFailure} @throws {Stalled} @throws what the connection says */
export async function receive({ descriptor, head, length }: Detached, target: Target, options: ReceiveOptions): Promise<void> {
  const { offset, signal, onBytes } = options;
  await pour(target, offset, head); // the addon would wait for more with it
  onBytes(head.length);
  signal.throwIfAborted();
  const socket = descriptor(); // only now: a connection that was closed meanwhile has given its number to others
  if (socket === undefined) throw new Error("the connection was closed");
  const transfer = receivePart(socket, target.file, { offset: offset + head.length, length, head: NOTHING, hash: target.hash });
  const pace = new Pace(options.idleMs);
  let [seen, lookedAt] = [0, performance.now()];
  let stalled: Stalled | undefined;
  const look = (): void => {
    const [moved, now] = [transfer.moved(), performance.now()];
    stalled ??= pace.came(moved - seen, now - lookedAt);
    onBytes(moved - seen);
    [seen, lookedAt] = [moved, now];
    if (stalled !== undefined) transfer.cut();
  };
  const cut = (): void => transfer.cut();
  signal.addEventListener("abort", cut, { once: true });
  const timer = setInterval(look, Math.min(LOOK_MS, options.idleMs));
  const { code, isOfFile } = await transfer.ended;
  clearInterval(timer);
  signal.removeEventListener("abort", cut);
  onBytes(transfer.moved() - seen);
  if (code === undefined) return;
  if (isOfFile) throw new FileFailure(code);
  signal.throwIfAborted();
  throw stalled ?? new Error(`the connection ended: ${code}`);
}
