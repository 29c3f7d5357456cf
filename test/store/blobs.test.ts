import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { openStore } from "../../store/open.ts";
import { storeOfEachTest } from "../support/store.ts";
import { projectRoot, treeTool } from "../support/root.ts";

const { place, store } = storeOfEachTest();

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function text(content: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of content) all += Buffer.from(chunk).toString();
  return all;
}

const leftovers = (): readonly string[] => readdirSync(join(place.root, "ingest")).filter((name) => !name.endsWith(".writer"));

describe("ingest", () => {
  test("stores content under its digest, once, as an OCI layout has it", async () => {
    const stored = await store.blobs.ingest(chunks("hello ", "world"));
    expect(stored).toEqual({ digest: digestOf("hello world"), size: 11 });
    expect(await store.blobs.ingest(chunks("hello world"), stored)).toEqual(stored);
    expect(readFileSync(join(place.root, "blobs/sha256", stored.digest.slice(7)), "utf8")).toBe("hello world");
    expect(JSON.parse(readFileSync(join(place.root, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(leftovers()).toEqual([]);
  });

  const refused = [
    { name: "another digest", expected: { digest: digestOf("other") }, code: "DIGEST_MISMATCH" },
    { name: "more bytes than announced", expected: { size: 3 }, code: "SIZE_MISMATCH" },
    { name: "fewer bytes than announced", expected: { size: 30 }, code: "SIZE_MISMATCH" },
  ];
  test.each(refused)("refuses $name and leaves nothing", async ({ expected, code }) => {
    await expect(store.blobs.ingest(chunks("hello"), expected)).rejects.toMatchObject({ code });
    expect(leftovers()).toEqual([]);
    expect(await store.blobs.stat(digestOf("hello"))).toBeUndefined();
  });

  test("leaves nothing when the source breaks off", async () => {
    const broken = (async function* () {
      yield Buffer.from("half");
      throw new Error("the line is cut");
    })();
    await expect(store.blobs.ingest(broken)).rejects.toThrow("the line is cut");
    expect(leftovers()).toEqual([]);
  });

  test("takes sha512 when asked for it", async () => {
    const digest = digestOf("x", "sha512");
    expect(await store.blobs.ingest(chunks("x"), { digest })).toEqual({ digest, size: 1 });
    expect(await text(store.blobs.open(digest))).toBe("x");
  });
});

describe("reading", () => {
  const ranges = [
    { name: "the beginning", range: { start: 0, end: 5 }, content: "hello" },
    { name: "the middle", range: { start: 6, end: 8 }, content: "wo" },
    { name: "beyond the end", range: { start: 6, end: 600 }, content: "world" },
    { name: "nothing", range: { start: 3, end: 3 }, content: "" },
  ];
  test.each(ranges)("a range: $name", async ({ range, content }) => {
    const { digest } = await store.blobs.put("hello world");
    expect(await text(store.blobs.open(digest, range))).toBe(content);
  });

  test("an unknown blob is refused on the first step, not before", async () => {
    const content = store.blobs.open(digestOf("absent"))[Symbol.asyncIterator]();
    await expect(content.next()).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
  });

  test("read holds to its limit", async () => {
    const { digest } = await store.blobs.put("hello world");
    expect(Buffer.from(await store.blobs.read(digest)).toString()).toBe("hello world");
    await expect(store.blobs.read(digest, 5)).rejects.toMatchObject({ code: "SIZE_MISMATCH" });
  });

  test("list gives every blob, remove is idempotent", async () => {
    const [a, b] = [await store.blobs.put("a"), await store.blobs.put("b", "sha512")];
    const all = [];
    for await (const stored of store.blobs.list()) all.push(stored.digest);
    expect(all.sort()).toEqual([a.digest, b.digest].sort());
    await store.blobs.remove(a.digest);
    await store.blobs.remove(a.digest);
    expect(await store.blobs.stat(a.digest)).toBeUndefined();
  });
});

describe("uploads", () => {
  async function begun(bytes: string | Uint8Array): Promise<string> {
    await using upload = await store.ingests.create();
    await upload.write(chunks(bytes));
    return upload.id;
  }

  test("are open to one at a time", async () => {
    const id = await begun("abc");
    await using other = await openStore({ root: place.root, treeTool });
    {
      await using _ = await store.ingests.open(id);
      await expect(other.ingests.open(id)).rejects.toMatchObject({ code: "INGEST_BUSY" });
      expect(await other.ingests.offset(id)).toBe(3);
    }
    await using upload = await other.ingests.open(id);
    await upload.abort();
    await expect(store.ingests.offset(id)).rejects.toMatchObject({ code: "INGEST_UNKNOWN" });
  });

  test("that are old are removed, but for those that another process works on", async () => {
    const [left, busy] = [await begun("abc"), await begun("defg")];
    await using other = await openStore({ root: place.root, treeTool });
    await using _ = await other.ingests.open(busy);
    const ids = async (): Promise<readonly string[]> => {
      const all: string[] = [];
      for await (const { id } of store.ingests.list()) all.push(id);
      return all.sort();
    };
    expect(await store.ingests.expire(Date.now() - 60_000, () => false)).toEqual([]);
    expect(await ids()).toEqual([left, busy].sort());
    expect(await store.ingests.expire(Date.now() + 60_000, () => false)).toMatchObject([{ id: left, size: 3 }]);
    expect(await ids()).toEqual([busy]);
  });

  test("go on in another process where they were", async () => {
    const id = await begun("hello ");
    const other = await openStore({ root: place.root, treeTool });
    await using upload = await other.ingests.open(id);
    expect(upload.offset).toBe(6);
    await upload.write(chunks("world"));
    expect(await upload.commit({ digest: digestOf("hello world") })).toEqual({ digest: digestOf("hello world"), size: 11 });
    await other[Symbol.asyncDispose]();
    await expect(store.ingests.open(id)).rejects.toMatchObject({ code: "INGEST_UNKNOWN" });
  });

  test("keep their running hash across requests of one process", async () => {
    const id = await begun("");
    for (const part of ["a", "b", "c"]) {
      await using upload = await store.ingests.open(id);
      await upload.write(chunks(part));
    }
    await using upload = await store.ingests.open(id);
    expect((await upload.commit({ digest: digestOf("abc") })).size).toBe(3);
  });

  const large = Buffer.alloc(5_000_001, "large but not round ");
  const cuts = [
    { name: "in one write", at: [5_000_001] },
    { name: "in writes around what is hashed in this thread", at: [2 << 20, (2 << 20) + 1, 5_000_001] },
    {
      name: "in small writes",
      at: Array.from({ length: 50 }, (_, index) => (index + 1) * 100_001)
        .filter((at) => at < 5_000_001)
        .concat(5_000_001),
    },
  ];
  test.each(cuts)("of more than a little are hashed by a thread, $name", async ({ at }) => {
    await using upload = await store.ingests.create();
    for (const [index, end] of at.entries()) await upload.write(chunks(large.subarray(at[index - 1] ?? 0, end)));
    await expect(upload.commit({ digest: digestOf("xyz") })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await upload.commit({ digest: digestOf(large) })).toEqual({ digest: digestOf(large), size: large.length });
  });

  test("of more than a little go on in another process, and take sha512", async () => {
    const id = await begun(large.subarray(0, 3_000_000));
    await using other = await openStore({ root: place.root, treeTool });
    await using rest = await other.ingests.open(id);
    await rest.write(chunks(large.subarray(3_000_000)));
    const digest = digestOf(large, "sha512");
    expect(await rest.commit({ digest })).toEqual({ digest, size: large.length });
    expect(await text(store.blobs.open(digest))).toBe(large.toString());
  });

  test("survive a wrong digest and can be aborted", async () => {
    await using upload = await store.ingests.create();
    await upload.write(chunks("abc"));
    await expect(upload.commit({ digest: digestOf("xyz") })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await upload.abort();
    expect(leftovers()).toEqual([]);
  });

  test.each(["../../etc/passwd", "", "nothing"])("refuse the id %j", async (id) => {
    await expect(store.ingests.open(id)).rejects.toMatchObject({ code: "INGEST_UNKNOWN" });
  });
});

/** Writes blobs until it is killed; prints each digest when it is stored. */
const WRITER = `
import { openStore } from ${JSON.stringify(join(projectRoot, "dist/store/open.js"))};
const store = await openStore({ root: process.argv[2], treeTool: process.argv[3] });
for (let at = 0; ; at++) {
  const bytes = Buffer.alloc(300_000, String(process.pid) + "-" + at + " ");
  const { digest } = await store.blobs.ingest((async function* () { for (let i = 0; i < bytes.length; i += 10_000) yield bytes.subarray(i, i + 10_000); })());
  await store.table("test.blobs").put(digest, { at });
  process.send(digest);
}
`;

test("kill -9 at any moment leaves a store that opens, every finished blob whole and no leftovers", async () => {
  const script = join(place.root, "writer.mjs");
  writeFileSync(script, WRITER);
  const finished: string[] = [];
  for (const patience of [60, 75, 90]) {
    const children = [1, 2].map(() => fork(script, [place.root, treeTool], { stdio: "inherit", execArgv: [] }));
    for (const child of children) child.on("message", (digest) => finished.push(digest as string));
    await Promise.all(children.map(async (child) => await once(child, "message")));
    await sleep(patience);
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(async (child) => await once(child, "exit")));
  }
  const again = await openStore({ root: place.root, treeTool });
  const recorded = again
    .table("test.blobs")
    .list()
    .map(([digest]) => digest);
  expect(recorded).toEqual(expect.arrayContaining(finished));
  for await (const { digest } of again.blobs.list()) expect(digestOf(await again.blobs.read(digest))).toBe(digest);
  for (const digest of recorded) expect(await again.blobs.stat(digest as never)).toBeDefined();
  expect(leftovers()).toEqual([]);
  await again[Symbol.asyncDispose]();
});
