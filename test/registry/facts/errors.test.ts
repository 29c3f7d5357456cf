/** Errors; Auth: shapes, codes, names, challenges. */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryRoot, type TemporaryRoot } from "../../support/root.ts";
import { startRegistry, unknownDigest, type TestRegistry } from "../registry.ts";
import { registry, call, errorCode, patch, session } from "./served.ts";

test.each(["Upper/x", "a//b", "a/-b", "a..b", `a/${"b".repeat(256)}`])("Errors: the name %s is refused", async (name) => {
  const reply = await call(`/v2/${name}/tags/list`);
  expect([reply.status, await errorCode(reply)]).toEqual([400, "NAME_INVALID"]);
  const upload = await call(`/v2/${name}/blobs/uploads/`, { method: "POST" });
  expect([upload.status, await errorCode(upload)]).toEqual([400, "NAME_INVALID"]);
});

test("Errors: a chunk of another length than its range is SIZE_INVALID, and its session goes on", async () => {
  const location = await session();
  const wrong = await patch(location, Buffer.from("four"), "0-9");
  expect([wrong.status, await errorCode(wrong)]).toEqual([400, "SIZE_INVALID"]);
  const right = await patch(location, Buffer.from("four"), "0-3");
  expect([right.status, right.headers.get("range")]).toEqual([202, "0-3"]);
});

test("Errors: /v2/ says that it is a registry, and an unknown method is 405", async () => {
  const reply = await call("/v2/");
  expect([reply.status, reply.headers.get("docker-distribution-api-version")]).toEqual([200, "registry/2.0"]);
  const wrong = await call("/v2/base/image/tags/list", { method: "PATCH" });
  expect([wrong.status, await errorCode(wrong)]).toEqual([405, "UNSUPPORTED"]);
});

test.each([
  { name: "an unknown manifest", path: "/v2/base/image/manifests/v9", code: "MANIFEST_UNKNOWN" },
  { name: "an unknown blob", path: `/v2/base/image/blobs/${unknownDigest()}`, code: "BLOB_UNKNOWN" },
  { name: "an unknown session", path: "/v2/base/image/blobs/uploads/none", code: "BLOB_UPLOAD_UNKNOWN" },
])("Errors: $name is told in the specification's shape", async ({ path, code }) => {
  const reply = await call(path);
  const body = (await reply.json()) as { errors: readonly Record<string, unknown>[] };
  expect([reply.status, reply.headers.get("content-type"), Object.keys(body), body.errors.length]).toEqual([404, "application/json", ["errors"], 1]);
  expect(body.errors[0]).toMatchObject({ code, message: expect.stringMatching(/^Cannot /) as string });
});

test("Errors: a name has 255 characters with its host, and no more", async () => {
  const room = 255 - registry.host.length - 1;
  const start = async (length: number): Promise<number> => (await call(`/v2/${"n".repeat(length)}/blobs/uploads/`, { method: "POST" })).status;
  expect([await start(room), await start(room + 1)]).toEqual([202, 400]);
});

describe("Auth", () => {
  let guarded: TestRegistry;
  let folder: TemporaryRoot;
  beforeAll(async () => {
    folder = temporaryRoot();
    const htpasswd = join(folder.root, "htpasswd");
    writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
    guarded = await startRegistry({ logFormat: "none", htpasswd });
  });
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test("a 401 has one challenge, quoted, whose realm tells no scheme", async () => {
    const reply = await fetch(`${guarded.url}/v2/`);
    expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([401, expect.stringMatching(/^Basic realm="(?!.*(?:basic|bearer))[^"]+"$/i)]);
  });

  test.each([
    { name: "announced", head: `content-length: ${32 << 20}`, frame: (bytes: Buffer) => bytes },
    {
      name: "in chunks",
      head: "transfer-encoding: chunked",
      frame: (bytes: Buffer) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")]),
    },
  ])("who sends a large body ($name) without a password reads the 401, not a broken pipe", async ({ head, frame }) => {
    const socket = connect(Number(guarded.host.split(":")[1]), "127.0.0.1");
    const problems: string[] = [];
    let said = "";
    socket.on("error", (error) => problems.push(error.message));
    socket.on("data", (data: Buffer) => (said += data.toString()));
    socket.write(`PUT /v2/x/manifests/v1 HTTP/1.1\r\nhost: localhost\r\n${head}\r\n\r\n`);
    await new Promise<void>((resolve) => socket.write(frame(Buffer.alloc(32 << 20, 97)), () => resolve()));
    socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    await new Promise((resolve) => socket.on("close", resolve));
    expect([said.match(/HTTP\/1\.1 \d+/g), problems]).toEqual([["HTTP/1.1 401", "HTTP/1.1 200"], []]);
  });
});
