/** A hundred thousand tags and thousands of referrers: a page reads what it shows, and the pages together are everything, once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { Records, Storage } from "../../registry/storage.ts";
import type { KeyPage } from "../../store/tables.ts";
import { pushImage, startRegistry, unknownDigest, type TestRegistry } from "./registry.ts";

const TAGS = 100_000;
const REFERRERS = 3_000;
const NAME = "long/list";
const subject = unknownDigest("the subject");

/** How many keys and values the storage gave. */
let read = 0;

/** The storage, with more in two of its tables than it would take in the time of a test. */
function longer(storage: Storage, entries: Readonly<Record<string, readonly (readonly [string, unknown])[]>>): Storage {
  return {
    ...storage,
    table<Value>(name: string): Records<Value> {
      const records = storage.table<Value>(name);
      const all = entries[name] as readonly (readonly [string, Value])[] | undefined;
      if (all === undefined) return records;
      const list = (prefix: string, page?: KeyPage): readonly (readonly [string, Value])[] => {
        const { after = "", limit = Number.POSITIVE_INFINITY } = page ?? {};
        const found = all.filter(([key]) => key.startsWith(prefix) && key > after).slice(0, limit);
        read += found.length;
        return found;
      };
      return { ...records, list, keys: (prefix, page) => list(prefix, page).map(([key]) => key) };
    },
  };
}

let registry: TestRegistry;
let counted: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
  const { descriptor } = await pushImage(registry, NAME, "first");
  const sorted = <Value>(entries: readonly (readonly [string, Value])[]): typeof entries => entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
  const tags = Array.from({ length: TAGS }, (_, n) => [`${NAME}:t${n}`, descriptor.digest] as const);
  const referrers = Array.from({ length: REFERRERS }, (_, n) => [`${NAME}@${subject}@${referrer(n).digest}`, referrer(n)] as const);
  const storage = longer(registry.storage, {
    "registry.tags": sorted([...tags, [`${NAME}r:neighbour`, descriptor.digest]]),
    "registry.referrers": sorted(referrers),
  });
  counted = await startRegistry({ storage, logFormat: "none" });
});
afterAll(async () => {
  await counted[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

/** Every tenth is a signature. */
function referrer(n: number): Descriptor {
  const artifactType = n % 10 === 0 ? "application/x.sig" : "application/x.sbom";
  return { mediaType: MEDIA_TYPE.manifest, digest: digestOf(`referrer ${n}`), size: 100, artifactType, annotations: { n: String(n) } };
}

/** All pages from `path` on, and the most that was read for one of them. */
async function pages(path: string): Promise<{ readonly found: readonly string[]; readonly most: number; readonly count: number }> {
  const found: string[] = [];
  let [most, count] = [0, 0];
  for (let next: string | undefined = path; next !== undefined; count++) {
    read = 0;
    const reply: Response = await fetch(counted.url + next);
    const body = (await reply.json()) as { readonly tags?: readonly string[]; readonly manifests?: readonly Descriptor[] };
    found.push(...(body.tags ?? body.manifests?.map(({ digest }) => digest) ?? []));
    most = Math.max(most, read);
    next = /^<(.*)>; rel="next"$/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  return { found, most, count };
}

test(`${TAGS} tags come in pages that read no more than they show`, { timeout: 300_000 }, async () => {
  const { found, most, count } = await pages(`/v2/${NAME}/tags/list?n=5000`);
  expect([found.length, new Set(found).size, count]).toEqual([TAGS, TAGS, TAGS / 5000]);
  expect(found).toEqual(found.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  expect(most).toBeLessThanOrEqual(5001);
});

describe(`${REFERRERS} referrers`, () => {
  test("come in pages, each once", async () => {
    const { found, most } = await pages(`/v2/${NAME}/referrers/${subject}`);
    expect([found.length, new Set(found).size]).toEqual([REFERRERS, REFERRERS]);
    expect(most).toBeLessThanOrEqual(1000);
  });

  test.each([
    { query: "?artifactType=application/x.sig", want: REFERRERS / 10 },
    { query: "?artifactType=application/x.sig&n=7", want: REFERRERS / 10 },
    { query: "?artifactType=application/x.none", want: 0 },
    { query: "?n=0", want: 0 },
  ])("of $query are $want", async ({ query, want }) => {
    const { found } = await pages(`/v2/${NAME}/referrers/${subject}${query}`);
    expect([found.length, new Set(found).size]).toEqual([want, want]);
  });
});

describe("a table of the store", () => {
  test.each([
    { name: "the first", prefix: "a/", page: { after: undefined, limit: 2 }, want: ["a/1", "a/2"] },
    { name: "those behind one", prefix: "a/", page: { after: "a/2", limit: 9 }, want: ["a/3"] },
    { name: "those behind one that is not there", prefix: "a/", page: { after: "a/15", limit: 1 }, want: ["a/2"] },
    { name: "none behind the last", prefix: "a/", page: { after: "a/9", limit: 9 }, want: [] },
    { name: "all behind what comes before", prefix: "b", page: { after: "a", limit: 9 }, want: ["b"] },
  ])("gives $name", async ({ prefix, page, want }) => {
    const table = registry.store.table<number>("test.pages");
    for (const key of ["a/1", "a/2", "a/3", "b", "a"]) await table.put(key, 1);
    expect(table.keys(prefix, page)).toEqual(want);
    expect(table.list(prefix, page).map(([key]) => key)).toEqual(want);
  });
});
