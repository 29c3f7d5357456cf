/** One upload, and a server that is killed twenty times while it comes in: every time it goes on with at least what was acknowledged. */
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { blob, noise, unfinished } from "./registry.ts";

const KILLS = 20;
const CHUNK = 256 << 10;
const content = blob(noise(24 << 20, 7));
/** Moments to kill at: bytes of a chunk that were sent, and how many chunks before it were whole. */
const moments = Array.from({ length: KILLS }, (_, round) => ({
  whole: noise(1, round + 50)[0]! % 4,
  part: (noise(2, round + 80).readUInt16LE() % CHUNK) + 1,
}));

test(`an upload survives ${KILLS} times kill -9`, { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  const listen = `127.0.0.1:${await freePort()}`; // it comes back to it
  const serve = async (): Promise<Server> =>
    await serveStrata(root, ["registry", "serve", "--listen", listen, "--log-format", "none"], /listening on (127\.0\.0\.1:(\d+))/);
  let server = await serve();
  const url = `http://${listen}`;
  const location = url + (await fetch(`${url}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location");
  const reached = async (): Promise<number> => {
    const reply = await fetch(location);
    const last = Number(/^0-(\d+)$/.exec(reply.headers.get("range") ?? "")?.[1]);
    expect(reply.status).toBe(204);
    return last === 0 ? 0 : last + 1;
  };
  const patch = async (from: number): Promise<number> => {
    const bytes = content.bytes.subarray(from, from + CHUNK);
    const headers = { "content-range": `${from}-${from + bytes.length - 1}` };
    const reply = await fetch(location, { method: "PATCH", headers, body: new Uint8Array(bytes) });
    expect(reply.status).toBe(202);
    return from + bytes.length;
  };
  const die = async (): Promise<void> => {
    server.process.kill("SIGKILL");
    await once(server.process, "exit");
    server = await serve();
  };
  let acknowledged = 0;
  try {
    for (const { whole, part } of moments) {
      for (let n = 0; n < whole; n++) acknowledged = await patch(acknowledged);
      const socket = connect(Number(server.match[2]), "127.0.0.1");
      socket.on("error", () => {}); // reset when the server dies
      socket.write(`PATCH ${new URL(location).pathname} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${CHUNK}\r\n\r\n`);
      await new Promise((resolve) => socket.write(content.bytes.subarray(acknowledged, acknowledged + part), resolve));
      await die();
      socket.destroy();
      const here = await reached();
      expect(here).toBeGreaterThanOrEqual(acknowledged);
      expect(here).toBeLessThanOrEqual(acknowledged + part);
      acknowledged = here;
    }
    while (acknowledged < content.bytes.length - CHUNK) acknowledged = await patch(acknowledged);
    const finish = async (): Promise<number> =>
      (await fetch(`${location}?digest=${content.descriptor.digest}`, { method: "PUT", body: new Uint8Array(content.bytes.subarray(await reached())) })).status;
    const last = finish().catch(() => 0); // killed while it hashes and links, or a little before or after
    await new Promise((resolve) => setTimeout(resolve, 60));
    await die();
    await last;
    const blobUrl = `${url}/v2/x/blobs/${content.descriptor.digest}`;
    const isHere = (await fetch(blobUrl, { method: "HEAD" })).status === 200;
    if (!isHere || (await fetch(location)).status === 204) expect(await finish()).toBe(201); // it may have been killed before the session was let go of
    expect(Buffer.from(await (await fetch(blobUrl)).arrayBuffer()).equals(content.bytes)).toBe(true);
    expect(unfinished(root.root)).toEqual([]);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

test("an upload that had become a blob when its server was killed goes on, and what is sent to it then is not in the blob", async () => {
  using root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  const { descriptor, bytes } = blob(noise(100_000, 8));
  const id = await (async () => {
    await using ingest = await store.ingests.create();
    await ingest.write(Readable.from([bytes]));
    const killed = ingest.commit({ digest: descriptor.digest }, async () => await Promise.reject(new Error("killed")));
    await expect(killed).rejects.toThrow("killed");
    return ingest.id;
  })();
  {
    await using again = await store.ingests.open(id);
    expect(again.offset).toBe(bytes.length);
    expect(await again.commit({ digest: descriptor.digest }, async () => await Promise.reject(new Error("killed again"))).catch(String)).toContain(
      "killed again",
    );
    await again.write(Readable.from([bytes]));
  }
  {
    await using more = await store.ingests.open(id);
    await more.write(Readable.from([bytes]));
    await more.abort();
  }
  expect(Buffer.from(await store.blobs.read(descriptor.digest)).equals(bytes)).toBe(true);
  expect(unfinished(root.root)).toEqual([]);
});
