/** Blob upload: whole, in chunks, streamed, cancelled, and what is refused. */
import { expect, test } from "vitest";
import { digestOf } from "../../../store/digest.ts";
import { blob, noise, pushBlob, unknownDigest } from "../registry.ts";
import { registry, call, errorCode, session, patch, isHere } from "./served.ts";

const uploads: readonly { readonly name: string; readonly run: () => Promise<void> }[] = [
  {
    name: "POST then PUT",
    run: async () => {
      const content = blob(noise(3_000, 2));
      const reply = await call(`${await session()}?digest=${content.descriptor.digest}`, { method: "PUT", body: content.bytes });
      expect(reply.status).toBe(201);
      const got = await call(reply.headers.get("location") ?? "");
      expect(Buffer.from(await got.arrayBuffer()).equals(content.bytes)).toBe(true);
    },
  },
  {
    name: "POST with the digest",
    run: async () => {
      const content = blob(noise(3_000, 3));
      expect((await pushBlob(registry, "base/image", content)).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "chunks that follow one another",
    run: async () => {
      const content = blob(noise(3_000, 4));
      const location = await session();
      const first = await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      expect([first.status, first.headers.get("range")]).toEqual([202, "0-999"]);
      const second = await patch(first.headers.get("location") ?? "", content.bytes.subarray(1_000, 2_000), "1000-1999");
      expect([second.status, second.headers.get("range")]).toEqual([202, "0-1999"]);
      const last = await call(`${second.headers.get("location")}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(2_000),
        headers: { "content-range": "2000-2999" },
      });
      expect(last.status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "a streamed PATCH of unknown length",
    run: async () => {
      const content = blob(noise(200_000, 5));
      const location = await session();
      const body = new ReadableStream({
        start(controller): void {
          for (let at = 0; at < content.bytes.length; at += 10_000) controller.enqueue(new Uint8Array(content.bytes.subarray(at, at + 10_000)));
          controller.close();
        },
      });
      const reply = await fetch(new URL(location, registry.url), { method: "PATCH", body, duplex: "half" });
      expect([reply.status, reply.headers.get("range")]).toEqual([202, "0-199999"]);
      expect((await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "chunks out of order are 416, and the session lives on",
    run: async () => {
      const content = blob(noise(2_000, 6));
      const location = await session();
      expect((await patch(location, content.bytes.subarray(1_000), "1000-1999")).status).toBe(416);
      await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      expect((await patch(location, content.bytes.subarray(0, 1_000), "0-999")).status).toBe(416);
      const status = await call(`${location}?digest=${content.descriptor.digest}`);
      expect([status.status, status.headers.get("range"), status.headers.get("location") !== null]).toEqual([204, "0-999", true]);
      const wrong = await call(`${location}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(1_000),
        headers: { "content-range": "500-1499" },
      });
      expect(wrong.status).toBe(416);
      const last = await call(`${location}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(1_000),
        headers: { "content-range": "1000-1999" },
      });
      expect(last.status).toBe(201);
    },
  },
  {
    name: "a new session shows a range at zero bytes",
    run: async () => {
      const status = await call(await session());
      expect([status.status, status.headers.get("range")]).toEqual([204, "0-0"]);
    },
  },
  {
    name: "a wrong digest is 400 on every path and stores nothing",
    run: async () => {
      const bytes = noise(2_000, 7);
      const wrong = unknownDigest("wrong");
      const location = await session();
      await patch(location, bytes);
      const replies = [
        await call(`/v2/base/image/blobs/uploads/?digest=${wrong}`, { method: "POST", body: bytes }),
        await call(`${await session()}?digest=${wrong}`, { method: "PUT", body: bytes }),
        await call(`${location}?digest=${wrong}`, { method: "PUT" }),
        await call(`${await session()}?digest=sha256:zz`, { method: "PUT", body: bytes }),
        await call(await session(), { method: "PUT", body: bytes }),
      ];
      for (const reply of replies) expect([reply.status, await errorCode(reply)]).toEqual([400, "DIGEST_INVALID"]);
      expect(await registry.storage.blobs.stat(wrong)).toBeUndefined();
      expect(await registry.storage.blobs.stat(digestOf(bytes))).toBeUndefined();
    },
  },
  {
    name: "a blob of no bytes",
    run: async () => {
      const nothing = blob("");
      expect((await pushBlob(registry, "base/image", nothing)).status).toBe(201);
      await isHere("base/image", nothing);
    },
  },
  {
    name: "DELETE of a session cancels it",
    run: async () => {
      const location = await session();
      expect((await call(location, { method: "DELETE" })).status).toBe(204);
      const gone = await call(location);
      expect([gone.status, await errorCode(gone)]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    },
  },
  {
    name: "a session belongs to its repository",
    run: async () => {
      const location = await session();
      expect((await call(location.replace("base/image", "another"))).status).toBe(404);
    },
  },
  {
    name: "a chunk that is sent again to an older URL is 416, whose GET is 204",
    run: async () => {
      const content = blob(noise(2_000, 12));
      const older = await session();
      const first = await patch(older, content.bytes.subarray(0, 1_000), "0-999");
      const newer = first.headers.get("location") ?? "";
      expect((await patch(newer, content.bytes.subarray(1_000), "1000-1999")).status).toBe(202);
      expect((await patch(older, content.bytes.subarray(0, 1_000), "0-999")).status).toBe(416);
      const status = await call(older);
      expect([status.status, status.headers.get("range"), status.headers.get("location")]).toEqual([204, "0-1999", newer]);
    },
  },
  {
    name: "a last chunk out of order is 416, and the session goes on",
    run: async () => {
      const content = blob(noise(2_000, 13));
      const location = await session();
      const put = async (bytes: Buffer, range: string): Promise<Response> =>
        await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT", body: bytes, headers: { "content-range": range } });
      const early = await put(content.bytes.subarray(1_000), "1000-1999");
      expect([early.status, await errorCode(early)]).toEqual([416, "RANGE_INVALID"]);
      expect((await call(location)).headers.get("range")).toBe("0-0");
      expect((await put(content.bytes, "0-1999")).status).toBe(201);
    },
  },
  {
    name: "a Location may carry more parameters, to which clients append the digest",
    run: async () => {
      const content = blob(noise(1_000, 14));
      const location = new URL(await session(), registry.url);
      location.searchParams.set("_state", "kept");
      location.searchParams.append("digest", content.descriptor.digest);
      expect((await call(location.href, { method: "PUT", body: content.bytes })).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "there is no least length of a chunk, so none is told",
    run: async () => {
      const reply = await call("/v2/base/image/blobs/uploads/", { method: "POST" });
      expect(reply.headers.get("oci-chunk-min-length")).toBeNull();
      const content = blob(noise(3, 15));
      const location = reply.headers.get("location") ?? "";
      for (let at = 0; at < 3; at++) expect((await patch(location, content.bytes.subarray(at, at + 1), `${at}-${at}`)).status).toBe(202);
      expect((await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
    },
  },
];
test.each(uploads)("Blob upload: $name", async ({ run }) => {
  await run();
});
