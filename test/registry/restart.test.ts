/** The server as a process: killed in the middle of an upload, it goes on where it was. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { replayable } from "../../registry/client/replayable.ts";
import { runStrata, serveStrata, strataOutput } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryRoot } from "../support/root.ts";
import { blob, noise, pushImage, unfinished } from "./registry.ts";

const READY = /listening on (127\.0\.0\.1:(\d+))/;
const content = blob(noise(3 << 20));

test("an upload survives kill -9 of the server", async () => {
  using root = temporaryRoot();
  let location: string;
  let reached: number;
  {
    await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
    const url = `http://${server.match[1]}`;
    location = (await fetch(`${url}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
    const socket = connect(Number(server.match[2]), "127.0.0.1");
    socket.on("error", () => {}); // reset when the server dies
    socket.write(`PATCH ${location} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${content.bytes.length}\r\n\r\n`);
    socket.write(content.bytes.subarray(0, 2 << 20));
    await expect.poll(async () => (await fetch(url + location)).headers.get("range")).toBe(`0-${(2 << 20) - 1}`);
    server.process.kill("SIGKILL");
    await once(server.process, "exit");
    socket.destroy();
  }
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
  const url = `http://${server.match[1]}`;
  const status = await fetch(url + location);
  expect(status.status).toBe(204);
  reached = Number(status.headers.get("range")?.split("-")[1]) + 1;
  expect(reached).toBe(2 << 20);
  const patched = await fetch(url + location, {
    method: "PATCH",
    body: new Uint8Array(content.bytes.subarray(reached)),
    headers: { "content-range": `${reached}-${content.bytes.length - 1}` },
  });
  expect(patched.status).toBe(202);
  expect((await fetch(`${url}${location}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
  const got = await fetch(`${url}/v2/x/blobs/${content.descriptor.digest}`);
  expect(Buffer.from(await got.arrayBuffer()).equals(content.bytes)).toBe(true);
  expect(unfinished(root.root)).toEqual([]);
});

test("our client goes on by itself when the server is killed and comes back", { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  const host = `127.0.0.1:${await freePort()}`; // it comes back to it
  await using first = await serveStrata(root, ["registry", "serve", "--listen", host], READY);
  await using remote = await openRemote(host, { env: { HOME: root.root }, retry: { attempts: 200, firstMs: 100, longestMs: 500 } });
  const starts: number[] = [];
  let second: Promise<AsyncDisposable> | undefined;
  const halting = replayable((offset) => {
    starts.push(offset);
    return (async function* bytes(): AsyncGenerator<Uint8Array> {
      for (let at = offset; at < content.bytes.length; at += 1 << 18) {
        if (at >= 1 << 20 && second === undefined) {
          await expect.poll(async () => unfinished(root.root).length).toBe(1);
          first.process.kill("SIGKILL");
          second = once(first.process, "exit").then(async () => await serveStrata(root, ["registry", "serve", "--listen", host], READY));
        }
        yield content.bytes.subarray(at, Math.min(at + (1 << 18), content.bytes.length));
      }
    })();
  });
  try {
    await openRepository(remote, "x").push(content.descriptor, halting);
    expect(starts.length).toBeGreaterThanOrEqual(2);
    expect(await openRepository(remote, "x").has(content.descriptor)).toBe(true);
  } finally {
    await (await second)?.[Symbol.asyncDispose]();
  }
});

test("the verbs look into it, let go of what is unused, and find damage", async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "json"], READY);
  const host = server.match[1] ?? "";
  const { descriptor } = await pushImage({ url: `http://${host}` }, "team/app", "v1");
  await pushImage({ url: `http://${host}` }, "team/app", "v2", { annotations: { second: "yes" } });
  expect(await strataOutput(root, "registry", "ls", host)).toBe("team/app");
  expect(JSON.parse(await strataOutput(root, "registry", "tags", "-o", "json", `${host}/team/app`))).toEqual(["v1", "v2"]);
  expect(JSON.parse(await strataOutput(root, "registry", "manifest", `${host}/team/app:v1`))).toMatchObject({ schemaVersion: 2 });
  expect(await strataOutput(root, "registry", "delete", `${host}/team/app:v1`)).toContain("Deleted");
  expect(await strataOutput(root, "registry", "gc", "--grace", "0")).toBe("");
  expect(await strataOutput(root, "registry", "gc", "--grace", "0", "--untagged")).toBe(`manifest team/app@${descriptor.digest}`);
  expect((await runStrata(root, ["registry", "check", "--deep"])).status).toBe(0);
  const unknown = await runStrata(root, ["registry", "manifest", `${host}/team/app:v1`]);
  expect([unknown.status, unknown.stderr.includes("Cannot find")]).toEqual([1, true]);
});

test.each([
  { name: "open to other machines", args: ["--listen", "0.0.0.0:0"], status: 1, says: "--htpasswd" },
  { name: "a certificate without its key", args: ["--tls-cert", "x.pem"], status: 2, says: "belong together" },
  { name: "no port", args: ["--listen", "localhost"], status: 2, says: "ADDRESS:PORT" },
  { name: "a port that there is not", args: ["--listen", "0.0.0.0:99999"], status: 2, says: "port 99999 is above 65535" },
  {
    name: "passwords that are not there",
    args: ["--htpasswd", "/no/passwords"],
    status: 1,
    says: "Cannot read the password file /no/passwords: there is no such file\n",
  },
  {
    name: "a policy that is not there",
    args: ["--htpasswd", "/dev/null", "--policy", "/no/policy"],
    status: 1,
    says: "the policy /no/policy: there is no such file\n",
  },
])("registry serve refuses: $name", async ({ args, status, says }) => {
  using root = temporaryRoot();
  const outcome = await runStrata(root, ["registry", "serve", ...args]);
  expect([outcome.status, outcome.stderr.includes(says)]).toEqual([status, true]);
});

test.each([
  { args: ["serve", "--rate-limit", "fast"], says: "100/s" },
  { args: ["serve", "--max-blob-size", "huge"], says: "10GB" },
  { args: ["serve", "--client-timeout", "0"], says: "1 at least" },
  { args: ["serve", "--upload-timeout", "soon"], says: "number of seconds" },
  { args: ["gc", "--grace", "long"], says: "number of seconds" },
])("registry $args.0 $args.1 refuses $args.2", async ({ args, says }) => {
  using root = temporaryRoot();
  const outcome = await runStrata(root, ["registry", ...args]);
  expect([outcome.status, outcome.stderr]).toEqual([2, expect.stringContaining(says)]);
});
