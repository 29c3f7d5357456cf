/** A registry of given blobs and manifests that a test can make misbehave; it knows ranges. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import type { TestBlob } from "./registry.ts";

/** True: it has answered itself. */
export type Odd = (request: IncomingMessage, response: ServerResponse, part: TestBlob | undefined) => boolean;

export interface FakeRegistry extends HttpServer {
  readonly host: string;
}

/** `v1` is `top`; everything is there by digest. */
export async function serveImage(top: TestBlob, parts: readonly TestBlob[], odd: Odd = () => false): Promise<FakeRegistry> {
  const byDigest = new Map([top, ...parts].map((part) => [part.descriptor.digest as string, part]));
  const server = await serveHttp((request, response) => {
    const [, kind, reference = ""] = /\/(manifests|blobs)\/([^/?]+)$/.exec(request.url ?? "") ?? [];
    const part = reference === "v1" ? top : byDigest.get(reference);
    if (request.url === "/v2/") response.end("{}");
    else if (odd(request, response, part)) return;
    else if (part === undefined) response.writeHead(404).end();
    else if (kind === "manifests") response.writeHead(200, { "content-type": part.descriptor.mediaType }).end(part.bytes);
    else sendRange(request, response, part);
  });
  return Object.assign(server, { host: `127.0.0.1:${server.port}` });
}

export function rangeOf({ headers }: IncomingMessage, { bytes }: TestBlob): { readonly start: number; readonly end: number } {
  const [, start = "0", last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  return { start: Number(start), end: last === undefined || last === "" ? bytes.length : Math.min(Number(last) + 1, bytes.length) };
}

/** Headers for the range that is asked for. */
export function beginRange(request: IncomingMessage, response: ServerResponse, part: TestBlob): Buffer {
  const { start, end } = rangeOf(request, part);
  const range = `bytes ${start}-${end - 1}/${part.bytes.length}`;
  response.writeHead(request.headers.range === undefined ? 200 : 206, { "content-length": end - start, "content-range": range });
  response.flushHeaders();
  return part.bytes.subarray(start, end);
}

function sendRange(request: IncomingMessage, response: ServerResponse, part: TestBlob): void {
  response.end(beginRange(request, response, part));
}
