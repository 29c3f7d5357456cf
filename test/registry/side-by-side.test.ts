/** Layers go and come side by side: a registry that gives one only while another is asked for is pulled from and pushed to all the same. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { pull } from "../../registry/client/pull.ts";
import { push } from "../../registry/client/push.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { serveImage } from "./fake-registry.ts";
import { blob, manifestOf, noise } from "./registry.ts";

const layers = [blob(noise(5_000, 1), MEDIA_TYPE.layerGzip), blob(noise(4_000, 2), MEDIA_TYPE.layerGzip)] as const;
const rootfs = { type: "layers", diff_ids: layers.map(({ descriptor }) => descriptor.digest) };
const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs }), MEDIA_TYPE.config);
const top = manifestOf(config, layers);

/** Holds what comes until there are as many as there are layers. */
function together(): (go: () => void) => void {
  const held: (() => void)[] = [];
  return (go) => {
    if (held.push(go) === layers.length) for (const each of held) each();
  };
}

async function openScratch() {
  const root = temporaryRoot();
  const store = await openStore({ root: root.root, treeTool });
  return {
    store,
    env: { HOME: root.root },
    async [Symbol.asyncDispose](): Promise<void> {
      await store[Symbol.asyncDispose]();
      root[Symbol.dispose]();
    },
  };
}

test("a pull asks for the second layer before it has the first", async () => {
  const hold = together();
  const isLayer = (digest: string | undefined): boolean => layers.some(({ descriptor }) => descriptor.digest === digest);
  await using fake = await serveImage(top, [config, ...layers], (request, response, part) => {
    if (part === undefined || request.method !== "GET" || !isLayer(part.descriptor.digest)) return false;
    hold(() => response.end(part.bytes));
    return true;
  });
  await using scratch = await openScratch();
  await using remote = await openRemote(fake.host, { env: scratch.env });
  const repository = openRepository(remote, "app");
  await pull(repository, scratch.store, await repository.read("v1"), { unpack: false });
  for (const { descriptor } of layers) expect((await scratch.store.blobs.stat(descriptor.digest))?.size).toBe(descriptor.size);
});

test("a push sends the second layer before the first is taken", async () => {
  const hold = together();
  const came = new Set<string>();
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (bytes.length > 0) came.add(digestOf(bytes));
    const done = (): void => void response.writeHead(201).end();
    if (layers.some(({ descriptor }) => descriptor.size === bytes.length)) hold(done);
    else done();
  };
  let sessions = 0;
  await using fake = await serveHttp((request, response) => {
    if (request.url === "/v2/") response.end("{}");
    else if (request.method === "POST") response.writeHead(202, { location: `/v2/app/blobs/uploads/${++sessions}` }).end();
    else if (request.method === "PUT" || request.method === "PATCH") void take(request, response);
    else response.writeHead(404).end();
  });
  await using scratch = await openScratch();
  const { store } = scratch;
  for (const { descriptor, bytes } of [config, ...layers, top])
    await store.blobs.push(
      descriptor,
      (async function* once() {
        yield bytes;
      })(),
    );
  await using remote = await openRemote(new URL(fake.base).host, { env: scratch.env });
  await push(store, openRepository(remote, "app"), top.descriptor);
  for (const { descriptor } of [config, ...layers]) expect(came).toContain(descriptor.digest);
});
