/** An answer's body into a file: hashed and counted as it is written, bounded in size, speed and by the room on the disk. */
import { createHash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createGunzip } from "node:zlib";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";
import { freeBytes, LOOK_EVERY_BYTES } from "../room.ts";
import type { HttpAnswer } from "./http-request.ts";

/** Bytes. A body without end must not fill the machine. */
export const MAX_DOWNLOAD_BYTES = 64 * 2 ** 30;
/** A server that sends less than this in a window of silence holds us up. */
const MIN_WINDOW_BYTES = 1024;
const FILE_MODE = 0o600;

export interface ReceiveOptions {
  readonly maxBytes: number;
  readonly windowMs: number;
  readonly signal: AbortSignal | undefined;
}

/** `file` is there when this resolves, and gone when it throws. */
export async function receive(
  url: string,
  answer: HttpAnswer,
  file: string,
  options: ReceiveOptions,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    await using out = await open(file, "wx", FILE_MODE);
    const check = watch(url, file, options);
    for await (const chunk of decoded(url, answer)) {
      options.signal?.throwIfAborted();
      size += chunk.length;
      await check(size);
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += (await out.write(chunk, at)).bytesWritten;
    }
    await out.datasync();
  } catch (error) {
    answer.body.on("error", () => undefined).destroy();
    await rm(file, { force: true });
    throw error;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

/** We ask for plain bytes; what a server packs all the same is unpacked, as BuildKit does, and counts by its unpacked size. */
function decoded(url: string, { headers, body }: HttpAnswer): AsyncIterable<Buffer> {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return body;
  if (encoding !== "gzip" && encoding !== "x-gzip")
    throw refused(url, `the server sends it in the encoding ${JSON.stringify(encoding)}, which nobody asked for`);
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  body.on("error", (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}

function watch(url: string, file: string, { maxBytes, windowMs }: ReceiveOptions): (size: number) => Promise<void> {
  let nextLook = LOOK_EVERY_BYTES;
  let window = { startedAt: performance.now(), size: 0 };
  return async (size) => {
    if (size > maxBytes) throw refused(url, `it is longer than ${maxBytes} bytes`);
    const now = performance.now();
    if (now - window.startedAt > windowMs) {
      if (size - window.size < MIN_WINDOW_BYTES) throw refused(url, `the server sent only ${size - window.size} bytes in ${Math.round(windowMs / 1000)} s`);
      window = { startedAt: now, size };
    }
    if (size < nextLook) return;
    nextLook = size + LOOK_EVERY_BYTES;
    if (freeBytes(dirname(file)) < 0) throw refused(url, `the disk is full after ${size} bytes`);
  };
}

function refused(url: string, reason: string): BuilderError {
  return new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(url)}: ${reason}`);
}
