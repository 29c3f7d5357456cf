/** Blobs to and from a registry, over plain sockets: what a client adds to the figures is little, and the same for all. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { BenchError } from "../errors.ts";

export interface Blob {
  readonly digest: string;
  /** Bytes: a number of blocks. */
  readonly size: number;
  /** What no other blob ends with. */
  readonly last: Buffer;
}

/** The rest of every blob is this block, again and again. */
export const BLOCK_BYTES = 1 << 20;

/** A blob that no other has, of `blocks` blocks. */
export function makeBlob(block: Buffer, blocks: number, seed: string): Blob {
  return blobMaker(block, blocks)(seed);
}

/** For many of one size: what they have in common is hashed once. */
export function blobMaker(block: Buffer, blocks: number): (seed: string) => Blob {
  const common = createHash("sha256");
  for (let at = 1; at < blocks; at++) common.update(block);
  return (seed) => {
    const last = Buffer.from(block);
    last.write(seed.padEnd(64), 0);
    return { digest: `sha256:${common.copy().update(last).digest("hex")}`, size: blocks * BLOCK_BYTES, last };
  };
}

/** POST, then one PUT with all of it. */
export async function putBlob(host: string, name: string, blob: Blob, block: Buffer): Promise<void> {
  const started = await fetch(`http://${host}/v2/${name}/blobs/uploads/`, { method: "POST" });
  const location = new URL(started.headers.get("location") ?? "", `http://${host}`);
  location.searchParams.set("digest", blob.digest);
  const socket = await open(host);
  const answered = once(socket, "data") as Promise<[Buffer]>;
  answered.catch(() => undefined); // awaited below
  const head = `PUT ${location.pathname}${location.search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${blob.size}\r\n\r\n`;
  socket.write(head);
  for (let at = 0; at < blob.size && !socket.destroyed; at += BLOCK_BYTES) {
    if (!socket.write(at + BLOCK_BYTES < blob.size ? block : blob.last)) await once(socket, "drain");
  }
  const [answer] = await answered;
  socket.destroy();
  expectStatus(answer, 201, `PUT ${blob.digest}`);
}

/** GET of all of it. Gives how many bytes of the body came. */
export async function getBlob(host: string, name: string, { digest, size }: Blob): Promise<void> {
  const buffer = Buffer.alloc(BLOCK_BYTES);
  let [head, count] = ["", 0];
  const take = (length: number): boolean => {
    if (count === 0) head = buffer.toString("latin1", 0, length);
    count += length;
    return true;
  };
  const socket = await open(host, { buffer, callback: take });
  socket.write(`GET /v2/${name}/blobs/${digest} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
  expectStatus(Buffer.from(head), 200, `GET ${digest}`);
  const came = count - head.indexOf("\r\n\r\n") - 4;
  if (came !== size) throw new BenchError(`Cannot measure GET ${digest}: ${came} of ${size} bytes came`);
}

async function open(host: string, onread?: { readonly buffer: Buffer; readonly callback: (length: number) => boolean }): Promise<Socket> {
  const [address = "", port = ""] = host.split(":");
  const socket = connect({ host: address, port: Number(port), ...(onread === undefined ? {} : { onread }) });
  await once(socket, "connect");
  return socket;
}

function expectStatus(answer: Buffer, status: number, what: string): void {
  const line = answer.toString("latin1").split("\r\n", 1)[0] ?? "";
  if (!line.startsWith(`HTTP/1.1 ${status} `)) throw new BenchError(`Cannot measure ${what}: the registry answered ${line}`);
}
