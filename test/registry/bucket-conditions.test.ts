/** First writers of one record, over a service that keeps the condition of a write: nobody writes over what another made, also when its answer is lost. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openIdentity } from "../../registry/identity.ts";
import { startSwift, type Swift } from "../support/swift.ts";
import { openBucket } from "./bucket-lab.ts";
import { faultyProxy } from "./faulty-proxy.ts";

let swift: Swift;
beforeAll(async () => void (swift = await startSwift({ conditions: true })));
afterAll(async () => await swift[Symbol.asyncDispose]());

test("what is there is not written over, until it is removed", async () => {
  const { bucket } = await openBucket(swift, swift.location());
  expect([await bucket.putNew("one", "first"), await bucket.putNew("one", "second"), String(await bucket.read("one"))]).toEqual([true, false, "first"]);
  await bucket.remove("one");
  expect([await bucket.putNew("one", "third"), String(await bucket.read("one"))]).toEqual([true, "third"]);
  await bucket[Symbol.asyncDispose]();
});

test("servers that begin at one moment are one registry", async () => {
  const location = swift.location();
  const servers = await Promise.all(Array.from({ length: 6 }, async () => await openBucket(swift, location)));
  const identities = await Promise.all(servers.map(async (storage) => await openIdentity(storage)));
  expect(new Set(identities.map(({ secret }) => secret)).size).toBe(1);
  expect(await openIdentity(await openBucket(swift, location))).toEqual(identities[0]);
  for (const server of servers) await server[Symbol.asyncDispose]();
});

test("a write that was done, and its answer lost, is found to be one's own", async () => {
  await using proxy = await faultyProxy(swift.port);
  const location = swift.location(proxy.port);
  await using storage = await openBucket(swift, location);
  proxy.loseAnswer("PUT");
  const identity = await openIdentity(storage);
  expect(proxy.cuts).toBe(1);
  expect(await openIdentity(await openBucket(swift, location))).toEqual(identity);
});

test("a service that refuses each first write is not asked for ever", async () => {
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "PUT") asked++;
    const isList = request.url?.includes("list-type") === true;
    response.writeHead(request.method === "PUT" ? 409 : isList ? 200 : 404).end(isList ? "<ListBucketResult></ListBucketResult>" : "");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const location = swift.location((server.address() as AddressInfo).port);
  const { table, bucket } = await openBucket(swift, location);
  await expect(table<string>("things").update("a", () => "new")).rejects.toThrow(
    "Cannot write the record of a: the bucket says each time that somebody else writes it",
  );
  expect(asked).toBe(8);
  await bucket[Symbol.asyncDispose]();
  await promisify(server.close.bind(server))();
});
