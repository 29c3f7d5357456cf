/** Keys for S3 that containers and instances are lent: where they are asked for, and when again. The services are mocks on loopback: real ones are outside of this machine. */
import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openKeyRing } from "../../registry/s3/key-ring.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2030, 0, 1);

let root: TemporaryRoot;
let clock: number;
/** Keys that were handed out. */
let lent: number;
let isDown: boolean;
const now = (): number => clock;
beforeEach(() => {
  root = temporaryRoot();
  [clock, lent, isDown] = [START, 0, false];
});
afterEach(() => root[Symbol.dispose]());

function lend(response: ServerResponse, lentMs = HOUR): void {
  if (isDown) return void response.writeHead(500).end("secret words");
  const number = ++lent;
  const Expiration = new Date(clock + lentMs).toISOString();
  response.end(JSON.stringify({ Code: "Success", AccessKeyId: `key${number}`, SecretAccessKey: `secret${number}`, Token: `token${number}`, Expiration }));
}

function bare(more: Record<string, string>): NodeJS.ProcessEnv {
  return { HOME: root.root, AWS_EC2_METADATA_DISABLED: "true", ...more };
}

test("a container's are asked for with its token, read anew each time, and renewed before they end", async () => {
  const tokens: (string | undefined)[] = [];
  await using server = await serveHttp((request, response) => {
    tokens.push(request.headers.authorization);
    lend(response);
  });
  const file = join(root.root, "token");
  writeFileSync(file, "first\n");
  const keys = await openKeyRing({
    env: bare({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.base}/keys`, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }),
    now,
  });
  expect(await keys()).toMatchObject({ accessKeyId: "key1", secretAccessKey: "secret1", sessionToken: "token1" });
  writeFileSync(file, "second\n");
  clock = START + HOUR - 6 * 60_000;
  expect(await keys()).toMatchObject({ accessKeyId: "key1" });
  clock = START + HOUR - 4 * 60_000;
  expect((await Promise.all([keys(), keys(), keys()])).map(({ accessKeyId }) => accessKeyId)).toEqual(["key2", "key2", "key2"]);
  expect(tokens).toEqual(["first", "second"]);
});

test("while no new ones can be had the old ones serve until they end", async () => {
  await using server = await serveHttp((_, response) => lend(response));
  const keys = await openKeyRing({ env: bare({ AWS_CONTAINER_CREDENTIALS_FULL_URI: server.base }), now });
  isDown = true;
  clock = START + HOUR - 60_000;
  expect(await keys()).toMatchObject({ accessKeyId: "key1" });
  clock = START + HOUR;
  const failure = await keys().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "CREDENTIALS_UNAVAILABLE", message: expect.stringMatching(/answered 500$/) as string });
  isDown = false;
  expect(await keys()).toMatchObject({ accessKeyId: "key2" });
});

test("an instance's are asked for with a session of version 2", async () => {
  await using server = await serveHttp((request, response) => {
    const { method, url, headers } = request;
    if (method === "PUT" && url === "/latest/api/token" && headers["x-aws-ec2-metadata-token-ttl-seconds"] === "21600") return void response.end("session");
    if (headers["x-aws-ec2-metadata-token"] !== "session") return void response.writeHead(401).end();
    if (url === "/latest/meta-data/iam/security-credentials/") return void response.end("the role\n");
    if (url === "/latest/meta-data/iam/security-credentials/the%20role") return lend(response);
    response.writeHead(404).end();
  });
  const env = { HOME: root.root, AWS_EC2_METADATA_SERVICE_ENDPOINT: server.base };
  const keys = await openKeyRing({ env, now });
  expect(await keys()).toMatchObject({ accessKeyId: "key1", sessionToken: "token1" });
  clock = START + HOUR;
  expect(await keys()).toMatchObject({ accessKeyId: "key2" });
});

test("the environment comes first, and asks nobody", async () => {
  await using server = await serveHttp((_, response) => lend(response));
  const env = bare({ AWS_CONTAINER_CREDENTIALS_FULL_URI: server.base, AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "B" });
  expect(await (await openKeyRing({ env, now }))()).toEqual({ accessKeyId: "A", secretAccessKey: "B", sessionToken: undefined });
  expect(lent).toBe(0);
});

test.each([
  { name: "nowhere", env: {}, says: /no keys in the environment/ },
  {
    name: "from another machine in the clear",
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://keys.test/" },
    says: /must be https, or http on this machine/,
  },
  { name: "from a name that only begins like an address", env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1.keys.test/" }, says: /must be https/ },
  {
    name: "with a token that is not there",
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/none" },
    says: /from \/none/,
  },
])("keys that are to come $name are refused", async ({ env, says }) => {
  await expect(openKeyRing({ env: bare(env as unknown as Record<string, string>), now })).rejects.toMatchObject({
    code: "CREDENTIALS_UNAVAILABLE",
    message: expect.stringMatching(says) as string,
  });
});

test.each(["no json: secret", "[]", '{"AccessKeyId":"secret"}'])("an answer of %s is told without what is in it", async (text) => {
  await using server = await serveHttp((_, response) => void response.end(text));
  const failure = await openKeyRing({ env: bare({ AWS_CONTAINER_CREDENTIALS_FULL_URI: server.base }), now }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "CREDENTIALS_UNAVAILABLE", message: expect.not.stringContaining("secret") as string });
});
