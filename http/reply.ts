/** The common replies. */
import type { Reply, ReplyHeaders } from "./message.ts";

export function json(status: number, value: unknown, headers: ReplyHeaders = {}): Reply {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { "content-type": "application/json", "content-length": body.length, ...headers }, body };
}

export function text(status: number, body: string, headers: ReplyHeaders = {}): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(body), ...headers }, body };
}

export function empty(status: number, headers: ReplyHeaders = {}): Reply {
  return { status, headers: status === 204 || status === 304 ? headers : { "content-length": 0, ...headers } };
}
