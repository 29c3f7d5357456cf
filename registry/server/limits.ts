/** What one client may ask for: how often, and how large a blob. */
import { HttpError } from "../../http/error.ts";
import type { Request } from "../../http/message.ts";
import type { Peers } from "../../http/peers.ts";
import { clientOf, createRateLimit, type Rate } from "../../http/rate-limit.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { RegistryError } from "../errors.ts";

export type Throttle = (request: Request) => void;

/** Health is asked after by those who would take a busy server for a dead one. */
const FREE: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** @throws {HttpError} 429 with `Retry-After` */
export function throttle(rate: Rate, now: () => number, peers: Peers): Throttle {
  const limit = createRateLimit(rate, now);
  return (request) => {
    if (FREE.has(request.path)) return;
    const waitMs = limit(clientOf(peers.address(request)));
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw new HttpError(429, `Cannot answer now: too many requests, ask again in ${seconds} s`, { headers: { "retry-after": String(seconds) } });
  };
}

/** The body of a blob that `before` bytes are here of. @throws {RegistryError} `BLOB_TOO_LARGE`, at once where the length was announced */
export function boundedBlob({ headers, body }: Request, before: number, most: number): AsyncIterable<Uint8Array> {
  if (before + Number(headers["content-length"] ?? 0) > most) throw tooLarge(most);
  return most === Number.POSITIVE_INFINITY ? body : counted(body, before, most);
}

async function* counted(body: AsyncIterable<Uint8Array>, before: number, most: number): AsyncGenerator<Uint8Array> {
  let size = before;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw tooLarge(most);
    yield chunk;
  }
}

function tooLarge(most: number): RegistryError {
  return new RegistryError("BLOB_TOO_LARGE", `Cannot store the blob: it is larger than ${decimalSize(most)}, the most that one may be`, {
    detail: { limit: most },
  });
}
