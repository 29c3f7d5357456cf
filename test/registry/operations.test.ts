/** What those who run a registry need: hooks, an audit log, renewal of certificates, health, an orderly end. */
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { dirname, join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readJson } from "../../http/body.ts";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { empty } from "../../http/reply.ts";
import { serve, type Listener } from "../../http/serve.ts";
import { openNotifier, EVENTS_TYPE } from "../../registry/server/notifier.ts";
import type { RegistryEvent } from "../../registry/server/events.ts";
import { runStrata, serveStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, certificateFiles, noise, pushImage, startRegistry, unfinished } from "./registry.ts";

let scratch: TemporaryRoot;
beforeAll(() => (scratch = temporaryRoot()));
afterAll(() => scratch[Symbol.dispose]());

interface Hook extends AsyncDisposable {
  readonly url: string;
  readonly events: RegistryEvent[];
  /** Content types of its messages. */
  readonly types: Set<string | undefined>;
  refusing: boolean;
  refused: number;
}

async function openHook(): Promise<Hook> {
  const hook = { events: [] as RegistryEvent[], types: new Set<string | undefined>(), refusing: false, refused: 0 };
  const listener: Listener = await serve({
    port: 0,
    handler: async (request) => {
      if (hook.refusing) {
        hook.refused++;
        return empty(503);
      }
      hook.types.add(request.headers["content-type"]);
      hook.events.push(...((await readJson(request, 1 << 20)) as { events: RegistryEvent[] }).events);
      return empty(200);
    },
  });
  return Object.assign(hook, { url: listener.url, [Symbol.asyncDispose]: async () => await listener.close(0) });
}

describe("a web hook", () => {
  test("hears of pushes, pulls, mounts and deletes, with who and what", async () => {
    await using hook = await openHook();
    const htpasswd = join(scratch.root, "htpasswd");
    writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
    await using registry = await startRegistry({ notify: [hook.url], htpasswd });
    const headers = { authorization: `Basic ${Buffer.from("ann:secret").toString("base64")}` };
    const layer = blob(noise(500));
    const digest = layer.descriptor.digest;
    const at = (path: string): string => `${registry.url}/v2/${path}`;
    await fetch(at(`a/b/blobs/uploads/?digest=${digest}`), { method: "POST", headers, body: new Uint8Array(layer.bytes) });
    const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
    await fetch(at("a/b/manifests/v1"), { method: "PUT", headers: { ...headers, "content-type": index.mediaType }, body: JSON.stringify(index) });
    await (await fetch(at("a/b/manifests/v1"), { headers })).arrayBuffer();
    await fetch(at("a/b/manifests/v1"), { headers, method: "HEAD" });
    await fetch(at(`c/blobs/uploads/?mount=${digest}&from=a/b`), { method: "POST", headers });
    await fetch(at("a/b/manifests/v1"), { method: "DELETE", headers });
    await fetch(at("a/b/manifests/v1"), { method: "DELETE", headers });
    await expect.poll(() => hook.events.length).toBe(5);
    expect(hook.events.map(({ action, target, actor }) => [action, target.repository, target.tag, actor.name])).toEqual([
      ["push", "a/b", undefined, "ann"],
      ["push", "a/b", "v1", "ann"],
      ["pull", "a/b", "v1", "ann"],
      ["mount", "c", undefined, "ann"],
      ["delete", "a/b", "v1", "ann"],
    ]);
    expect(hook.events[0]!.target).toMatchObject({ digest, size: 500, url: at(`a/b/blobs/${digest}`) });
    expect(hook.events[1]!.target).toMatchObject({ mediaType: index.mediaType });
    expect(hook.types).toEqual(new Set([EVENTS_TYPE]));
  });

  test("that was away is told all, in order and once, when it is back", async () => {
    await using hook = await openHook();
    const said: string[] = [];
    const notifier = openNotifier({ url: hook.url, log: (line) => said.push(line), firstRetryMs: 10 });
    hook.refusing = true;
    const event = (n: number): RegistryEvent => ({ id: String(n) }) as RegistryEvent;
    for (let n = 0; n < 250; n++) notifier.tell(event(n));
    await expect.poll(() => hook.refused).toBeGreaterThan(2);
    hook.refusing = false;
    for (let n = 250; n < 300; n++) notifier.tell(event(n));
    await expect.poll(() => hook.events.length).toBe(300);
    expect(hook.events.map(({ id }) => Number(id))).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(said[0]).toMatch(/answered 503: 250 events wait/);
    await notifier[Symbol.asyncDispose]();
  });

  test("that is nowhere does not keep the registry from serving and ending, which says what it is not told of", async () => {
    const registry = await startRegistry({ notify: ["http://127.0.0.1:9/"] });
    await pushImage(registry, "x", "v1");
    await registry[Symbol.asyncDispose]();
    expect(registry.lines.some((line) => line.startsWith("notify: http://127.0.0.1:9/ cannot be reached"))).toBe(true);
    expect(registry.lines.at(-1)).toBe("notify: http://127.0.0.1:9/ is not told of 3 events that waited: the server ends\n");
  });

  test("that was told all is not said to have missed any, and a process says it before it ends", async () => {
    await using hook = await openHook();
    {
      const registry = await startRegistry({ notify: [hook.url], logFormat: "none" });
      await pushImage(registry, "x", "v1");
      await registry[Symbol.asyncDispose]();
      expect([hook.events.length, registry.lines]).toEqual([3, []]);
    }
    using root = temporaryRoot();
    const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--notify", "http://127.0.0.1:9/"];
    const server = await serveStrata(root, args, /listening on (127\.0\.0\.1:\d+)/);
    let said = "";
    server.process.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await pushImage({ url: `http://${server.match[1]}` }, "x", "v1");
    await server[Symbol.asyncDispose]();
    await expect.poll(() => said).toMatch(/is not told of 3 events that waited: the server ends\n$/);
  });
});

test("the audit log tells every delete, and nothing else", async () => {
  const file = join(scratch.root, "audit.log");
  {
    await using registry = await startRegistry({ auditLog: file });
    const { descriptor } = await pushImage(registry, "gone", "v1");
    for (const reference of ["v1", descriptor.digest, "never"])
      await fetch(`${registry.url}/v2/gone/manifests/${reference}`, { method: "DELETE", headers: { "user-agent": "tester" } });
  }
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { action: "delete", repository: "gone", tag: "v1", agent: "tester" },
    { action: "delete", repository: "gone", digest: expect.stringMatching(/^sha256:/) as string },
  ]);
  expect(lines.every((line) => (JSON.parse(line) as { status: number }).status === 202)).toBe(true);
  await expect(startRegistry({ auditLog: join(scratch.root, "no/such/folder") })).rejects.toThrow("Cannot write the audit log");
});

test("the audit log tells of deletes that were refused, but for those that nobody gave a password for yet", async () => {
  const [file, htpasswd, policy] = ["refused.log", "refused-htpasswd", "refused.yaml"].map((name) => join(scratch.root, name)) as [string, string, string];
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  writeFileSync(policy, 'rules: [{ users: [ann], repositories: ["**"], actions: [pull, push] }, { users: [ann], repositories: [kept], actions: ["*"] }]');
  const digest = blob("x").descriptor.digest;
  const paths = [
    "mine/manifests/v1",
    `mine/blobs/${digest}`,
    `kept/blobs/${digest.replace(":", "%3A")}`,
    "kept/tags/list",
    "NO/manifests/v1",
    "kept/blobs/uploads/x",
  ];
  {
    await using registry = await startRegistry({ auditLog: file, htpasswd, policy, deletes: false, logFormat: "none" });
    for (const password of [undefined, "wrong", "secret"]) {
      const headers = {
        "user-agent": "tester",
        ...(password === undefined ? {} : { authorization: `Basic ${Buffer.from(`ann:${password}`).toString("base64")}` }),
      };
      for (const path of password === "wrong" ? paths.slice(0, 1) : paths) await fetch(`${registry.url}/v2/${path}`, { method: "DELETE", headers });
    }
  }
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const common = { time: expect.any(String) as string, action: "delete", remote: "127.0.0.1", agent: "tester" };
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { ...common, repository: "mine", tag: "v1", status: 401 },
    { ...common, repository: "mine", tag: "v1", status: 403, user: "ann" },
    { ...common, repository: "mine", digest, status: 403, user: "ann" },
    { ...common, repository: "kept", digest, status: 405, user: "ann" },
  ]);
});

describe("a certificate", () => {
  const authority = createAuthority("strata test authority");
  const pair = (commonName: string) => issueCertificate(authority, { commonName, names: ["127.0.0.1"], usage: "server" });

  async function servedName(port: number): Promise<string> {
    return await new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on("error", reject);
    });
  }

  test("that is renewed is served from then on; one that does not fit its key is not", async () => {
    const tls = certificateFiles(scratch.root, pair("first"));
    await using registry = await startRegistry({ tls });
    const port = Number(registry.host.split(":")[1]);
    expect(await servedName(port)).toBe("first");
    writeFileSync(tls.certificate, pair("misfit").certificate);
    await expect.poll(() => registry.lines.some((line) => line.startsWith("tls: "))).toBe(true);
    expect(await servedName(port)).toBe("first");
    const second = pair("second");
    writeFileSync(`${tls.key}.new`, second.key);
    renameSync(`${tls.key}.new`, tls.key);
    writeFileSync(`${tls.certificate}.new`, second.certificate);
    renameSync(`${tls.certificate}.new`, tls.certificate);
    await expect.poll(async () => await servedName(port)).toBe("second");
  });

  test("that cannot be read is refused before anything listens", async () => {
    const folder = join(scratch.root, "none");
    await expect(startRegistry({ tls: { certificate: join(folder, "a"), key: join(folder, "b") } })).rejects.toMatchObject({
      code: "CREDENTIALS_UNAVAILABLE",
    });
  });

  test("that is none, or has another key, is named in our words", async () => {
    const [good, other] = [certificateFiles(mkdtempSync(join(scratch.root, "good")), pair("good")), pair("other")];
    const write = (name: string, text: string): string => {
      const path = join(dirname(good.key), name);
      writeFileSync(path, text);
      return path;
    };
    const [text, misfit] = [write("text", "x"), write("misfit.key", other.key)];
    const locked = write("locked.key", createPrivateKey(other.key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString());
    const refusal = async (certificate: string, key: string): Promise<string> =>
      await startRegistry({ tls: { certificate, key } }).then(
        () => "taken",
        (error: unknown) => (error as Error).message,
      );
    const { certificate, key } = good;
    expect(
      await Promise.all(
        [
          [text, key],
          [certificate, text],
          [certificate, misfit],
          [certificate, locked],
          [key, key],
          [`${key}.none`, key],
        ].map(async ([cert = "", own = ""]) => await refusal(cert, own)),
      ),
    ).toEqual([
      `Cannot serve over TLS: ${text} is no certificate in PEM`,
      `Cannot serve over TLS: ${text} is no private key in PEM`,
      `Cannot serve over TLS: the key in ${misfit} is not the one of the certificate in ${certificate}`,
      `Cannot serve over TLS: the key in ${locked} needs a passphrase: give one without`,
      `Cannot serve over TLS: ${key} is no certificate in PEM`,
      `Cannot serve over TLS: there is no file ${key}.none`,
    ]);
  });
});

test("an upload under way is finished before the server ends; new ones are not taken", async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], /listening on (127\.0\.0\.1:\d+)/);
  const url = `http://${server.match[1]}`;
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const content = blob(noise(1 << 20));
  let more = (): void => {};
  const held = new Promise<void>((resolve) => (more = resolve));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new Uint8Array(content.bytes.subarray(0, 1000)));
      await held;
      controller.enqueue(new Uint8Array(content.bytes.subarray(1000)));
      controller.close();
    },
  });
  const options = { method: "POST", body, duplex: "half" } as RequestInit;
  const upload = fetch(`${url}/v2/late/blobs/uploads/?digest=${content.descriptor.digest}`, options);
  await expect.poll(() => unfinished(root.root)).not.toEqual([]);
  server.process.kill("SIGTERM");
  await expect
    .poll(
      async () =>
        await fetch(`${url}/readyz`).then(
          ({ status }) => status,
          () => "closed",
        ),
      { timeout: 10_000 },
    )
    .toBe("closed");
  more();
  expect((await upload).status).toBe(201);
});

test("a port that somebody has, or an address of no machine, is named and no bug", async () => {
  await using taken = await serve({ port: 0, handler: async () => await Promise.resolve(empty(200)) });
  const address = new URL(taken.url).host;
  const outcomes = await Promise.all(
    [address, "192.0.2.1:5000"].map(async (listen) => await runStrata(scratch, ["registry", "serve", "--anonymous", "--listen", listen])),
  );
  expect(outcomes.map(({ status, stderr }) => [status, stderr.split("\n")[0]])).toEqual([
    [1, `strata: Cannot listen on ${address}: another program listens there`],
    [1, "strata: Cannot listen on 192.0.2.1:5000: this machine has no such address"],
  ]);
});
