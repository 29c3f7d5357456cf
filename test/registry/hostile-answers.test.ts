/** Answers of registries that are too long, too slow, or written for a terminal: read whole, given up in time, and shown as what they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata } from "../support/cli.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { serveImage } from "./fake-registry.ts";
import { blob, manifestOf } from "./registry.ts";

const TITLE = "\u001b]0;owned\u0007\u009b31m\u202e";
const SHOWN = String.raw`\x1b]0;owned\x07\x9b31m\u{202e}`;
const MANY = 200_000;

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

const empty = blob("{}", MEDIA_TYPE.empty);
const layer = blob(Buffer.alloc(1024)); // an empty tar

function imageFor(more: object): { readonly config: ReturnType<typeof blob>; readonly image: ReturnType<typeof blob> } {
  const rootfs = { type: "layers", diff_ids: [layer.descriptor.digest] };
  const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs, ...more }), MEDIA_TYPE.config);
  return { config, image: manifestOf(config, [layer]) };
}

test("a page of very many tags, or referrers, is listed whole", { timeout: 60_000 }, async () => {
  const { config, image } = imageFor({});
  const one = manifestOf(empty, [], { artifactType: "application/x.thing", subject: image.descriptor }).descriptor;
  await using registry = await serveImage(image, [config, layer], ({ url = "" }, response) => {
    if (url.endsWith("/tags/list")) response.end(JSON.stringify({ name: "many", tags: Array.from({ length: MANY }, (_, at) => `t${at}`) }));
    else if (url.includes("/referrers/")) response.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: Array(60_000).fill(one) }));
    else return false;
    return true;
  });
  const tags = await runStrata(root, ["registry", "tags", `${registry.host}/many`]);
  expect([tags.status, tags.stdout.trimEnd().split("\n").length, tags.stderr]).toEqual([0, MANY, ""]);
  const referrers = await runStrata(root, ["registry", "referrers", `${registry.host}/many:v1`]);
  expect([referrers.status, referrers.stdout.trimEnd().split("\n").length, referrers.stderr]).toEqual([0, 60_001, ""]);
});

test("pages without end are refused in words", { timeout: 60_000 }, async () => {
  let page = 0;
  await using server = await serveHttp(({ url }, response) => {
    if (url === "/v2/") return void response.end("{}");
    response.setHeader("link", `</v2/a/tags/list?page=${(page += 1)}>; rel="next"`);
    response.end('{"tags":["v1"]}');
  });
  await using remote = await openRemote(`127.0.0.1:${server.port}`, { env: { HOME: root.root } });
  await expect(openRepository(remote, "a").tags()).rejects.toMatchObject({ code: "PROTOCOL", message: expect.stringMatching(/^Cannot list .*10000 pages/) });
});

test("a manifest that drips is given up", { timeout: 60_000 }, async () => {
  await using server = await serveHttp((request, response) => {
    if (request.url === "/v2/") return void response.end("{}");
    response.writeHead(200, { "content-type": MEDIA_TYPE.manifest });
    const drip = setInterval(() => void response.write(" "), 50);
    response.on("close", () => clearInterval(drip));
  });
  await using remote = await openRemote(`127.0.0.1:${server.port}`, {
    env: { HOME: root.root },
    idleMs: 400,
    retry: { attempts: 1, firstMs: 1, longestMs: 1 },
  });
  const reading = openRepository(remote, "a").read("v1");
  await expect(Promise.race([reading, sleep(30_000)])).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(/only \d+ bytes came in/) });
});

test.each(["abc\r\nx-evil: 1", "ab c", "\u00fc"])("a token that no header holds (%j) is refused at once", async (token) => {
  await using server = await serveHttp(({ url = "", headers }, response) => {
    if (url.startsWith("/token")) response.end(JSON.stringify({ token }));
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${headers.host}/token",service="x"` }).end();
  });
  await using remote = await openRemote(`127.0.0.1:${server.port}`, { env: { HOME: root.root } });
  await expect(openRepository(remote, "a").tags()).rejects.toMatchObject({ code: "PROTOCOL", message: expect.stringContaining("cannot be sent as a token") });
});

test("no text of an image drives the terminal", async () => {
  const { config, image } = imageFor({ history: [{ created_by: `RUN ${TITLE}`, comment: TITLE }] });
  const platform = { os: TITLE, architecture: "amd64" };
  const index = blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [{ ...image.descriptor, platform }] }), MEDIA_TYPE.index);
  const annotations = { "org.opencontainers.image.title": TITLE };
  const referrer = { ...manifestOf(empty, [], { subject: image.descriptor }).descriptor, artifactType: TITLE, annotations };
  await using registry = await serveImage(image, [config, layer, index], ({ url = "" }, response) => {
    if (!url.includes("/referrers/")) return false;
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [referrer] }));
    return true;
  });
  const name = `${registry.host}/app:v1`;
  const refused = await runStrata(root, ["pull", "-q", `${registry.host}/app@${index.descriptor.digest}`]);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`only for ${SHOWN}/amd64`)]);
  expect((await runStrata(root, ["pull", "-q", name])).status).toBe(0);
  const shown = [await runStrata(root, ["history", "--no-trunc", name]), await runStrata(root, ["registry", "referrers", name])];
  for (const { stdout } of shown) expect(stdout).toContain(SHOWN);
  for (const { stdout, stderr } of [refused, ...shown]) expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});
