/** What one manifest may cost: each digest is looked at once, others are answered in between, and there is a bound. */
import { expect, test } from "vitest";
import { inBatches } from "../../registry/server/in-batches.ts";
import type { BlobNeed } from "../../registry/server/manifest.ts";
import { namedOnce } from "../../registry/server/named.ts";
import { unknownDigest } from "./registry.ts";

const need = (text: string, data?: string): BlobNeed => ({ digest: unknownDigest(text), size: 1, data: data === undefined ? undefined : Buffer.from(data) });
const needs = (count: number, data?: string): readonly BlobNeed[] => Array.from({ length: count }, (_, at) => need(String(at), data));

test("what is named often is there once, with its data wherever that stands", () => {
  const blobs = [need("a"), need("b"), need("a", "x"), need("a", "y"), ...Array.from({ length: 30_000 }, () => need("b"))];
  const once = namedOnce({ blobs, manifests: [unknownDigest("m"), unknownDigest("m")] });
  expect(once).toEqual({ blobs: [need("a", "x"), need("b")], manifests: [unknownDigest("m")] });
});

test.each([
  { name: "blobs", blobs: needs(4097), manifests: [], says: "it names 4097 blobs, and 4096 are the most" },
  { name: "blobs with their data", blobs: needs(65, "x"), manifests: [], says: "it holds the data of 65 blobs, and 64 are the most" },
  { name: "manifests", blobs: [], manifests: needs(10_001).map(({ digest }) => digest), says: "it names 10001 manifests, and 10000 are the most" },
  { name: "sizes of a blob", blobs: [need("a"), { ...need("a"), size: 2 }], manifests: [], says: "has 1 bytes, and 2" },
])("too many $name are refused with their number", ({ blobs, manifests, says }) => {
  expect(() => namedOnce({ blobs, manifests })).toThrow(says);
});

test("between batches others have their turn", async () => {
  let turns = 0;
  let isDone = false;
  const other = (): void => void (isDone || (turns++, setImmediate(other)));
  other();
  const done: number[] = [];
  await inBatches(
    Array.from({ length: 1000 }, (_, at) => at),
    async (at) => await Promise.resolve(done.push(at)),
  );
  isDone = true;
  expect([done.length, turns > 10]).toEqual([1000, true]);
});
