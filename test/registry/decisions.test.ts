/** The pure parts: paging, waiting, gathering, places. */
import * as fc from "fast-check";
import { setImmediate as turn } from "node:timers/promises";
import { refuse } from "../../registry/server/refuse.ts";
import { expect, test } from "vitest";
import { parsePlace } from "../../cli/copy/place.ts";
import { candidates } from "../../registry/client/endpoint.ts";
import { retryDelay } from "../../registry/client/retry.ts";
import { isRepositoryName, isTag } from "../../registry/name.ts";
import { page } from "../../registry/server/paging.ts";
import { openTurns } from "../../registry/server/turns.ts";
import { writeBehind } from "../../store/blob/write-behind.ts";

test("pages put together are the list", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 })), fc.integer({ min: 1, max: 5 }), (names, count) => {
      const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const seen: string[] = [];
      for (let last: string | undefined, more = true; more;) {
        const { items, next } = page(sorted, (name) => name, { last, count });
        seen.push(...items);
        last = next;
        more = next !== undefined;
      }
      expect(seen).toEqual(sorted);
    }),
  );
});

test("what is written behind is what came, however it was cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 12 }), fc.boolean(), async (sizes, slow) => {
      const sent = sizes.map((size, seed) => Buffer.alloc(size, seed + 1));
      const got: Buffer[] = [];
      await writeBehind(
        (async function* content() {
          for (const chunk of sent) yield chunk;
        })(),
        async (block) => {
          if (slow) await turn();
          got.push(Buffer.from(block));
        },
      );
      expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("content that fails leaves what came before it written", async () => {
  const got: Uint8Array[] = [];
  const content = (async function* cut() {
    yield Buffer.from("before");
    throw new Error("cut");
  })();
  await expect(writeBehind(content, async (block) => void got.push(Buffer.from(block)))).rejects.toThrow("cut");
  expect(Buffer.concat(got).toString()).toBe("before");
});

const policy = { attempts: 5, firstMs: 100, longestMs: 10_000 };
const NOW = Date.parse("2026-01-01T00:00:00Z");
test.each([
  { name: "doubles", attempt: 3, after: undefined, random: 0.5, want: 400 },
  { name: "spreads downwards", attempt: 1, after: undefined, random: 0, want: 50 },
  { name: "waits the seconds that were asked for", attempt: 1, after: "2", random: 0.5, want: 2_000 },
  { name: "waits until a date", attempt: 1, after: "Thu, 01 Jan 2026 00:00:03 GMT", random: 0.5, want: 3_000 },
  { name: "never longer than the longest", attempt: 1, after: "86400", random: 0.5, want: 10_000 },
  { name: "ignores nonsense", attempt: 1, after: "soon", random: 0.5, want: 100 },
])("retry delay: $name", ({ attempt, after, random, want }) => expect(retryDelay(policy, attempt, after, random, NOW)).toBe(want));

test.each([
  { host: "127.0.0.1:5000", insecure: false, want: ["http://127.0.0.1:5000", "https://127.0.0.1:5000"] },
  { host: "localhost", insecure: false, want: ["http://localhost", "https://localhost"] },
  { host: "registry.example", insecure: false, want: ["https://registry.example"] },
  { host: "registry.example", insecure: true, want: ["https://registry.example", "http://registry.example"] },
  { host: "docker.io", insecure: false, want: ["https://registry-1.docker.io"] },
  { host: "127.evil.example", insecure: false, want: ["https://127.evil.example"] },
])("$host (insecure: $insecure) is tried as $want", ({ host, insecure, want }) => expect(candidates(host, { insecure })).toEqual(want));

test.each(["a", "a/b", "a.b/c_d/e__f/g--h", "0"])("%s is the name of a repository", (name) => expect(isRepositoryName(name)).toBe(true));
test.each(["", "A", "a/", "/a", "a//b", "a..b", "a___b", "-a", "a-", "../a", "a/%2e"])("%s is no name of a repository", (name) =>
  expect(isRepositoryName(name)).toBe(false),
);
test.each([
  ["v1", true],
  ["_x", true],
  [".x", false],
  ["a:b", false],
  ["a".repeat(128), true],
  ["a".repeat(129), false],
])("tag %s: %s", (tag, want) => expect(isTag(tag)).toBe(want));

test.each([
  { text: "hello:v1", want: { kind: "store", reference: "hello:v1" } },
  { text: "docker://127.0.0.1:5000/a:b", want: { kind: "docker", reference: "127.0.0.1:5000/a:b" } },
  { text: "oci:/tmp/x:v1", want: { kind: "oci", path: "/tmp/x", name: "v1" } },
  { text: "docker-archive:x.tar:a/b:c", want: { kind: "docker-archive", path: "x.tar", name: "a/b:c" } },
  { text: "dir:x:y", want: { kind: "dir", path: "x:y" } },
])("copy reads $text", ({ text, want }) => expect(parsePlace(text)).toEqual(want));

test.each(["containers-storage:localhost/app:v1", "docker-daemon:app:v1", "ostree:app@/repo", "sif:app.sif"])("copy refuses %s and names what it has", (text) =>
  expect(() => parsePlace(text)).toThrow(/is no transport of strata, which has docker:\/\/REF, oci:, oci-archive:, docker-archive:, dir: and store:/),
);

test("a full disk is answered as one, and is no bug", () => {
  const bugs: unknown[] = [];
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC", syscall: "write" });
  expect([refuse(full, (bug) => bugs.push(bug)).status, bugs]).toEqual([507, []]);
});

test("few wait for their turn with a session, and go in order", async () => {
  const turns = openTurns();
  const release = await turns.take("a");
  const order: number[] = [];
  const others = [1, 2, 3].map(async (number) => {
    const next = await turns.take("a");
    order.push(number);
    next();
  });
  await expect(turns.take("a")).rejects.toMatchObject({ code: "TOOMANYREQUESTS" });
  (await turns.take("b"))();
  release();
  await Promise.all(others);
  expect(order).toEqual([1, 2, 3]);
  (await turns.take("a"))();
});
