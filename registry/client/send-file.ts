/**
 * One request whose body is a file, over a connection of its own: the head is written here, the body goes from the file to the socket by sendfile(2)
 * on a thread of http/native. A server may answer in the middle of it. Content that still grows goes in chunks, as much as there is each time.
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { canSend } from "../../http/transfer.ts";
import { formatBulkRequest } from "./bulk-head.ts";
import type { FileBody } from "./file-content.ts";
import { SendingLine, type LineOptions } from "./sending-line.ts";
import type { SentAnswer } from "./sent-answer.ts";

export interface FileRequest extends LineOptions {
  readonly method: string;
  /** With a content-length, unless the body still grows. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: FileBody;
}

/** Less is read and written sooner than a connection is made. */
const LEAST_BYTES = 1 << 20;
/** Chunks of what grows are at least so large, but for the last: each is handed to a thread. */
const LEAST_CHUNK_BYTES = 1 << 20;

/** Undefined, with nothing sent, when it has to go by other means. @throws what the socket or the file says */
export async function sendFile(request: FileRequest): Promise<SentAnswer | undefined> {
  const { url, method, body, headers } = request;
  const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
  const message = formatBulkRequest(new URL(url), length === undefined ? { ...headers, "transfer-encoding": "chunked" } : headers, method);
  if (message === undefined || (length ?? LEAST_BYTES) < LEAST_BYTES || !canSend()) return undefined;
  await using file = await openExisting(body.file.path);
  if (file === undefined) return undefined;
  using line = await SendingLine.open(request, body.onBytes);
  const sending = length === undefined ? sendChunks(line, file, body, message) : sendWhole(line, file, body, message, length);
  return await line.answerTo(sending);
}

async function sendWhole(line: SendingLine, file: FileHandle, { start }: FileBody, message: string, length: number): Promise<void> {
  await line.write(message);
  await line.send(file.fd, start, start + length);
}

async function sendChunks(line: SendingLine, file: FileHandle, { file: source, start }: FileBody, message: string): Promise<void> {
  let ahead = message;
  for (let at = start, isLast = false; !isLast;) {
    const end = await reach(source, at, LEAST_CHUNK_BYTES);
    isLast = end - at < LEAST_CHUNK_BYTES;
    if (end === at) break;
    if (line.isOver) return;
    await line.write(`${ahead}${(end - at).toString(16)}\r\n`);
    await line.send(file.fd, at, end);
    [at, ahead] = [end, "\r\n"];
  }
  await line.write(`${ahead}0\r\n\r\n`);
}

/** Where the file ends once there are `least` bytes behind `at`, or all. */
async function reach(source: FileBody["file"], at: number, least: number): Promise<number> {
  for (let end = at; ;) {
    const next = await source.reach(end);
    if (next - at >= least || next === end) return next;
    end = next;
  }
}

/** Undefined for what is no file, or not there: whoever reads it says so. */
async function openExisting(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (["ENOENT", "ENXIO"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  });
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}
