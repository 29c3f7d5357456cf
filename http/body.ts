/** Reading a request's body whole, within a limit. */
import { HttpError } from "./error.ts";
import type { Request } from "./message.ts";

/** @throws {HttpError} 413 when longer than `limit` bytes */
export async function readBody(request: Request, limit: number): Promise<Buffer> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** @throws {HttpError} 400 when it is no JSON, 413 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const body = await readBody(request, limit);
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch (error) {
    throw new HttpError(400, "Cannot read the request body: it is not JSON", { cause: error });
  }
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, `Cannot accept the request body: it is larger than ${limit} bytes`);
}
