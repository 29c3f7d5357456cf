/** Sends part of a file by sendfile(2), behind a reply's headers. */
import { open, type FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { FilePart } from "./file-body.ts";
import { measurePace } from "./pace.ts";
import type { Reader } from "./reader.ts";
import { canSend, descriptorOf, movedSince, sendPart, type Transfer } from "./transfer.ts";

/** Less is read and written sooner than a thread is woken. */
const LEAST_BYTES = 64 << 10;
/** Looks at a transfer in the time that it may stand still. */
const LOOKS = 4;

/** Bytes sent; the reply is ended or, when its client left or took next to nothing for `stallMs`, cut. Undefined when nothing was done but to write headers. */
export async function sendFile(response: ServerResponse, part: FilePart, reader: Reader): Promise<number | undefined> {
  if (part.end - part.start < LEAST_BYTES || !canSend()) return undefined;
  await using file = await openExisting(part.path);
  if (file === undefined || response.closed) return undefined;
  response.flushHeaders();
  const { socket } = response;
  const fd = descriptorOf(socket);
  if (fd === undefined || socket?.writableLength !== 0) return undefined; // what Node still has to send comes first
  const transfer = sendPart(fd, file.fd, part);
  const cut = (): void => transfer.cut();
  response.once("close", cut);
  const watch = watchSending(transfer, reader.stallMs);
  const taken = reader.taken?.();
  taken?.waits(movedSince(transfer));
  const { code } = await transfer.ended;
  clearInterval(watch);
  taken?.ended();
  response.off("close", cut);
  if (code === undefined) response.end();
  else response.destroy();
  return transfer.moved();
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  return await open(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
}

function watchSending(transfer: Transfer, stallMs: number): NodeJS.Timeout {
  const pace = measurePace(stallMs);
  const moved = movedSince(transfer);
  return setInterval(() => {
    if (!pace.took(moved(), stallMs / LOOKS)) transfer.cut();
  }, stallMs / LOOKS);
}
