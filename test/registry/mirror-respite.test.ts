/** Another registry that is away or says to come later is left alone for a while: what is here is served at once, and one asks afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { RegistryError, type RegistryErrorCode } from "../../registry/errors.ts";
import { mirrorLog } from "../../registry/server/mirror-log.ts";
import { openRespite } from "../../registry/server/respite.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { serveHttp } from "../support/http-server.ts";
import { blob, manifestOf, startRegistry, unknownDigest } from "./registry.ts";

const env = { HOME: "/nowhere" };
const failure = (code: RegistryErrorCode, status?: number, retryAfter?: string): RegistryError =>
  new RegistryError(code, "no", status === undefined ? {} : { passing: { status, retryAfter } });

/** `ask` as it is answered, at the time that the test says it is. */
function lab() {
  let now = 1_000_000;
  let asked = 0;
  const respite = openRespite(() => now);
  return {
    at: (seconds: number) => void (now = 1_000_000 + seconds * 1000),
    asked: () => asked,
    ask: async (answer: () => unknown): Promise<unknown> =>
      await respite(async () => {
        asked += 1;
        return await answer();
      }).catch((error: unknown) => error),
  };
}

const thrown = (error: unknown) => (): never => {
  throw error;
};

test.each([
  { name: "is away", error: failure("UNREACHABLE"), seconds: 10 },
  { name: "has too much to do", error: failure("TOOMANYREQUESTS", 429), seconds: 10 },
  { name: "says when", error: failure("TOOMANYREQUESTS", 429, "20"), seconds: 20 },
  { name: "says a date", error: failure("UNKNOWN", 503, "Fri, 31 Dec 2100 23:59:59 GMT"), seconds: 60 },
  { name: "says at once", error: failure("UNKNOWN", 502, "0"), seconds: 1 },
  { name: "says next year", error: failure("UNKNOWN", 504, "31536000"), seconds: 60 },
  { name: "fails at one thing", error: failure("UNKNOWN", 500), seconds: 0 },
  { name: "refuses one thing", error: failure("DENIED"), seconds: 0 },
  { name: "lacks it", error: failure("MANIFEST_UNKNOWN"), seconds: 0 },
])("a registry that $name is not asked for $seconds s", async ({ error, seconds }) => {
  const { at, ask, asked } = lab();
  expect(await ask(thrown(error))).toBe(error);
  if (seconds > 0) {
    at(seconds - 0.1);
    expect([await ask(() => "here"), asked()]).toEqual([error, 1]);
    at(seconds);
  }
  expect([await ask(() => "here"), await ask(() => "here"), asked()]).toEqual(["here", "here", 3]);
});

test("then one asks, and the others hear meanwhile what came of it last", async () => {
  const { at, ask, asked } = lab();
  const [first, second] = [failure("UNREACHABLE"), failure("UNREACHABLE")];
  await ask(thrown(first));
  at(10);
  const probe = ask(async () => await sleep(20).then(thrown(second)));
  expect([await ask(() => "here"), await ask(() => "here"), await probe, asked()]).toEqual([first, first, second, 2]);
  at(19);
  expect(await ask(() => "here")).toBe(second);
  at(20);
  expect([await ask(thrown(failure("DENIED"))), await ask(() => "here")]).toEqual([expect.objectContaining({ code: "DENIED" }), "here"]);
});

test("one that asks and hears nothing holds up the others for two seconds, then the next asks too", async () => {
  const { at, ask, asked } = lab();
  const error = failure("UNREACHABLE");
  await ask(thrown(error));
  at(10);
  let answer = (_given: unknown): void => {};
  const hanging = ask(async () => await new Promise((resolve) => (answer = resolve)));
  at(11.9);
  expect(await ask(() => "here")).toBe(error);
  at(12);
  expect([await ask(() => "here"), await ask(() => "here"), asked()]).toEqual(["here", "here", 4]);
  answer("late");
  expect([await hanging, await ask(() => "here")]).toEqual(["late", "here"]);
});

const image = manifestOf(blob("{}", MEDIA_TYPE.config), []);

test("who reads through a registry that never answers waits once", async () => {
  let isSilent = false;
  await using upstream = await serveHttp((request, response) => {
    const headers = { "content-type": MEDIA_TYPE.manifest, "docker-content-digest": image.descriptor.digest, "content-length": image.bytes.length };
    if (isSilent) setTimeout(() => response.destroy(), 300);
    else if (request.url === "/v2/") response.end("{}");
    else response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : image.bytes);
  });
  await using mirror = await startRegistry({ mirror: { host: `127.0.0.1:${upstream.port}`, env, freshMs: 0 } });
  const status = async (reference: string): Promise<number> => (await fetch(`${mirror.url}/v2/app/manifests/${reference}`)).status;
  expect(await status("v1")).toBe(200);
  isSilent = true;
  expect(await status("v1")).toBe(200);
  const before = upstream.asked.length;
  expect([await status("v1"), await status("v2"), await status(unknownDigest())]).toEqual([200, 502, 502]);
  expect(upstream.asked.length).toBe(before);
});

test("the log of a mirror says why the other registry cannot be had, once", async () => {
  await using upstream = await serveHttp((_request, response) => void response.writeHead(500).end());
  await using mirror = await startRegistry({ mirror: { host: `127.0.0.1:${upstream.port}`, env, freshMs: 0 }, logFormat: "none" });
  for (const reference of ["v1", "v2", "v1"]) expect((await fetch(`${mirror.url}/v2/app/manifests/${reference}`)).status).toBe(502);
  expect(mirror.lines).toEqual([`mirror: Cannot use http://127.0.0.1:${upstream.port} as a registry: it answered 500\n`]);
});

test("and what to do where nobody vouches for it", () => {
  let now = 0;
  const lines: string[] = [];
  const tell = mirrorLog(
    (line) => lines.push(line),
    () => now,
  );
  const cause = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  for (const seconds of [0, 59, 60]) {
    now = seconds * 1_000;
    tell(new RegistryError("UNREACHABLE", "Cannot reach hub.example: self-signed\u001b certificate", { cause }));
  }
  const line = "mirror: Cannot reach hub.example: self-signed  certificate (put its authority into certs.d, or say --mirror-insecure)\n";
  expect(lines).toEqual([line, line]);
});

test.each([
  { name: "too many requests, and when to come again", status: 429, headers: { "retry-after": "7" }, answer: [429, "7", "TOOMANYREQUESTS"] },
  {
    name: "too many requests until long after",
    status: 429,
    headers: { "retry-after": "Fri, 31 Dec 2100 23:59:59 GMT" },
    answer: [429, "60", "TOOMANYREQUESTS"],
  },
  { name: "too many requests", status: 429, headers: {}, answer: [429, null, "TOOMANYREQUESTS"] },
  { name: "that it is overloaded", status: 503, headers: {}, answer: [502, null, "UNKNOWN"] },
])("a registry that answers $name at /v2/: so does the one that reads through it, without asking again", async ({ status, headers, answer }) => {
  await using upstream = await serveHttp((_request, response) => void response.writeHead(status, headers).end());
  await using mirror = await startRegistry({ mirror: { host: `127.0.0.1:${upstream.port}`, env, freshMs: 0 } });
  const ask = async (): Promise<unknown> => {
    const reply = await fetch(`${mirror.url}/v2/app/manifests/v1`);
    const { errors } = (await reply.json()) as { errors: readonly { code: string }[] };
    return [reply.status, reply.headers.get("retry-after"), errors[0]?.code];
  };
  expect(await ask()).toEqual(answer);
  const before = upstream.asked.length;
  expect([await ask(), upstream.asked.length]).toEqual([answer, before]);
});
