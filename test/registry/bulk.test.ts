/** Large answers over connections of their own: what they say, that every byte comes, and how they end. */
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { getBulk, type BulkRequest } from "../../registry/client/bulk.ts";
import { formatBulkRequest, parseBulkHead } from "../../registry/client/bulk-head.ts";
import { serveHttp } from "../support/http-server.ts";
import { noise } from "./registry.ts";

const HEADS = [
  { name: "a part of a blob", text: "HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\nContent-Range: bytes 0-6/9\r\n\r\n", status: 206, length: 7 },
  { name: "no reason, odd spaces", text: "HTTP/1.1 200\r\ncontent-length:   5 \r\n\r\n", status: 200, length: 5 },
  { name: "a redirect", text: "HTTP/1.1 307 There\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", status: 307, length: 0 },
  { name: "chunks", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
  { name: "two lengths", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" },
  { name: "no length", text: "HTTP/1.1 200 OK\r\n\r\n" },
  { name: "a provisional answer", text: "HTTP/1.1 100 Continue\r\n\r\n" },
  { name: "a folded line", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n more\r\n\r\n" },
  { name: "another protocol", text: "220 mail ready\r\n\r\n" },
];
test.each(HEADS)("the head of $name is read, or left to a general client", ({ text, status, length }) => {
  const head = parseBulkHead(text);
  expect(head === undefined ? {} : { status: head.status, length: head.length }).toEqual(status === undefined ? {} : { status, length });
});

test("a header that would end its line early is not sent", () => {
  expect(formatBulkRequest(new URL("http://host/v2/?a=1"), { accept: "x" })).toBe(
    "GET /v2/?a=1 HTTP/1.1\r\nhost: host\r\nconnection: close\r\naccept: x\r\n\r\n",
  );
  expect(formatBulkRequest(new URL("http://host/"), { authorization: "Bearer a\r\nx: y" })).toBeUndefined();
});

const content = noise(5 << 20);

function ask(url: string, more: Partial<BulkRequest> = {}): BulkRequest {
  return { url, headers: {}, tls: {}, connectMs: 10_000, idleMs: 60_000, ...more };
}

/** As slow as a disk: a chunk that is lent must stay what it is until the next is asked for. */
async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) {
    for (let turns = 0; turns < 20; turns++) await turn();
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

test("every byte comes as it was sent, lent or not", async () => {
  await using server = await serveHttp((_request, response) => response.writeHead(200, { "content-length": content.length }).end(content));
  const url = `http://127.0.0.1:${server.port}/`;
  expect((await collect((await getBulk(ask(url)))!.body.lend())).equals(content)).toBe(true);
  expect((await collect((await getBulk(ask(url)))!.body)).equals(content)).toBe(true);
});

test("over TLS too, from whom the authority vouches for", async () => {
  const authority = createAuthority("strata test authority");
  const { certificate, key } = issueCertificate(authority, { commonName: "localhost", names: ["localhost"], usage: "server" });
  const server = createTlsServer({ cert: certificate, key }, (_request, response) =>
    response.writeHead(200, { "content-length": content.length }).end(content),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const lookup = { host: "127.0.0.1", servername: "localhost" };
    const answer = await getBulk(ask(url, { tls: { ca: authority.certificate, ...lookup } }));
    expect((await collect(answer!.body.lend())).equals(content)).toBe(true);
    await expect(getBulk(ask(url))).rejects.toMatchObject({ code: expect.stringMatching(/CERT|SIGNATURE/) });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("what is cut in the middle gives what came, and then fails", async () => {
  await using server = await serveHttp((_request, response) => {
    response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
  });
  const answer = await getBulk(ask(`http://127.0.0.1:${server.port}/`));
  let came = 0;
  const reading = async (): Promise<void> => {
    for await (const chunk of answer!.body.lend()) came += chunk.length;
  };
  await expect(reading()).rejects.toThrow("the connection was closed");
  expect(came).toBe(100_000);
});

test("an answer without a length is for a general client, one that never comes ends in time, and a signal ends all", async () => {
  await using server = await serveHttp((request, response) => {
    if (request.url === "/half") response.writeHead(200, { "content-length": 10 }).write("half");
  });
  const base = `http://127.0.0.1:${server.port}`;
  await using chunked = await serveHttp((_request, response) => void response.write("a", () => response.end("b")));
  expect(await getBulk(ask(`http://127.0.0.1:${chunked.port}/`))).toBeUndefined();
  await expect(getBulk(ask(`${base}/never`, { idleMs: 50 }))).rejects.toThrow("no byte came in time");
  const stop = new AbortController();
  const answer = await getBulk(ask(`${base}/half`, { signal: stop.signal }));
  const reading = collect(answer!.body);
  stop.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
});
