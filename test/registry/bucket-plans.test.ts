/** What the bucket's storage decides without asking the service. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { BEAT_MS, openBeat } from "../../registry/s3/beat.ts";
import { readCredentials, readRegion } from "../../registry/s3/credentials.ts";
import { chain, endOf } from "../../registry/s3/chunks.ts";
import { parseLocation } from "../../registry/s3/location.ts";
import { elements, elementText, escapeXml } from "../../registry/s3/xml.ts";
import { temporaryRoot } from "../support/root.ts";

const key = (start: number, nonce: number): string => `uploads/x/${String(start).padStart(15, "0")}-${String(nonce).padStart(16, "0")}`;

test.each([
  { name: "nothing", listed: [], starts: [], end: 0 },
  { name: "only the session", listed: [["uploads/x/session", 0]], starts: [], end: 0 },
  {
    name: "chunks that follow one another",
    listed: [
      [key(0, 1), 8],
      [key(8, 2), 8],
      [key(16, 3), 3],
    ],
    starts: [0, 8, 16],
    end: 19,
  },
  {
    name: "a gap: what comes after it does not count",
    listed: [
      [key(0, 1), 8],
      [key(16, 3), 3],
    ],
    starts: [0],
    end: 8,
  },
  {
    name: "a shorter one that another server wrote late",
    listed: [
      [key(0, 1), 8],
      [key(8, 9), 2],
      [key(8, 2), 8],
      [key(16, 3), 1],
    ],
    starts: [0, 8, 16],
    end: 17,
  },
  {
    name: "what is no chunk of it",
    listed: [
      ["uploads/x/notes", 5],
      ["uploads/x/000000000000000-zz", 5],
    ],
    starts: [],
    end: 0,
  },
] as const)("what has come of an upload: $name", ({ listed, starts, end }) => {
  const chunks = chain(
    "x",
    listed.map(([at, size]) => ({ key: at, size })),
  );
  expect(chunks.map(({ start }) => start)).toEqual(starts);
  expect(endOf(chunks)).toBe(end);
});

test.each([
  { text: "s3://content", want: { bucket: "content", prefix: "", endpoint: undefined, region: undefined, pathStyle: false } },
  { text: "s3://content/a/b/?region=eu-west-1", want: { prefix: "a/b/", region: "eu-west-1" } },
  { text: "s3://content?endpoint=http://127.0.0.1:9000", want: { pathStyle: true, endpoint: new URL("http://127.0.0.1:9000") } },
  { text: "s3://content?endpoint=https://s3.example&path-style=false", want: { pathStyle: false } },
  { text: "s3://dotted.name", want: { pathStyle: true } },
])("a location: $text", ({ text, want }) => expect(parseLocation(text, {})).toMatchObject(want));

test("a location is completed from the environment", () => {
  const env = { AWS_REGION: "eu-north-1", AWS_ENDPOINT_URL: "http://other", AWS_ENDPOINT_URL_S3: "http://localhost:9000" };
  expect(parseLocation("s3://content", env)).toMatchObject({ region: "eu-north-1", endpoint: new URL("http://localhost:9000"), pathStyle: true });
});

test.each([
  ["s3://", "names no bucket"],
  ["/var/lib/content", "names no bucket"],
  ["s3://Content", "no name of a bucket"],
  ["s3://content/a//b", "is no prefix"],
  ["s3://content?endpiont=x", 'no parameter "endpiont"'],
  ["s3://content?endpoint=localhost:9000", "is no endpoint"],
  ["s3://content?path-style=maybe", "true or false"],
])("a location that is refused: %s", (text, says) => expect(() => parseLocation(text, {})).toThrow(says));

test("keys and region come from the environment, or from the shared files", async () => {
  using root = temporaryRoot();
  const file = join(root.root, "credentials");
  writeFileSync(
    file,
    "# comment\n[default]\naws_access_key_id = AK\naws_secret_access_key=s/e=c\n\n[team]\naws_access_key_id=T\naws_secret_access_key=U\naws_session_token=V\n",
  );
  writeFileSync(join(root.root, "config"), "[profile team]\nregion = eu-west-3\n");
  const env = { HOME: root.root, AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: join(root.root, "config") };
  expect(await readCredentials(env)).toEqual({ accessKeyId: "AK", secretAccessKey: "s/e=c", sessionToken: undefined });
  expect(await readCredentials({ ...env, AWS_PROFILE: "team" })).toEqual({ accessKeyId: "T", secretAccessKey: "U", sessionToken: "V" });
  expect(await readCredentials({ ...env, AWS_ACCESS_KEY_ID: "E", AWS_SECRET_ACCESS_KEY: "F" })).toMatchObject({ accessKeyId: "E", secretAccessKey: "F" });
  expect(await readRegion({ ...env, AWS_PROFILE: "team" })).toBe("eu-west-3");
  expect(await readCredentials({ HOME: root.root })).toBeUndefined();
});

test("replies are read, entities and all", () => {
  const xml =
    '<?xml version="1.0"?><L xmlns="x"><Contents><Key>a&amp;b&#x41;&#66;</Key><ETag>&quot;e&quot;</ETag></Contents><Contents><Key>c</Key></Contents><Empty/></L>';
  expect(elements(xml, "Contents").map((entry) => elementText(entry, "Key"))).toEqual(["a&bAB", "c"]);
  expect(elementText(xml, "ETag")).toBe('"e"');
  expect(elementText(xml, "Missing")).toBeUndefined();
  expect(elementText(`<T>${escapeXml('<&">')}</T>`, "T")).toBe('<&">');
});

afterEach(() => void vi.useRealTimers());

test.each([
  { name: "that was quiet is told of at once", quietMs: 2 * BEAT_MS, first: 1 },
  { name: "that was not is told of later", quietMs: 0, first: 0 },
])("an upload $name, then again and again until its request ends", async ({ quietMs, first }) => {
  vi.useFakeTimers();
  let told = 0;
  const beat = openBeat(async () => {
    told++;
    await Promise.reject(new Error("the service is away"));
  }, quietMs);
  await vi.advanceTimersByTimeAsync(BEAT_MS - 1);
  expect(told).toBe(first);
  await vi.advanceTimersByTimeAsync(3 * BEAT_MS);
  expect(told).toBe(first + 3);
  await beat.end();
  await beat.end();
  await vi.advanceTimersByTimeAsync(3 * BEAT_MS);
  expect(told).toBe(first + 3);
});
