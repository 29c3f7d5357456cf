/** What pages are made of: listings that are kept, numbers, times and names. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { showAge, showBytes, visibleName } from "../../registry/server/ui/format.ts";
import { openListings } from "../../registry/server/ui/listings.ts";
import type { StackListing } from "../../registry/server/ui/stack-listing.ts";
import { unknownDigest } from "./registry.ts";

test("listings are made once, by turns, kept within a budget, and given up for other images when that is spent", async () => {
  const made: string[] = [];
  const listing = (name: string): StackListing => ({
    layers: [{ added: 0, changed: 0, hidden: 0, bytes: 0, hides: 0, wasted: 0, folders: new Map([["", name.padEnd(10 << 20)]]) }],
    bytes: 0,
    wasted: 0,
    waste: [],
  });
  let running = 0;
  const list = async ([layer]: readonly { readonly mediaType: string }[]): Promise<{ readonly listing: StackListing }> => {
    expect(++running).toBe(1);
    await sleep(5);
    running--;
    made.push(layer!.mediaType);
    return { listing: listing(layer!.mediaType) };
  };
  await using listings = openListings({ list, report: () => undefined });
  const ask = async (name: string): Promise<unknown> => await listings.read(unknownDigest(name), [{ mediaType: name, digest: unknownDigest(name), size: 1 }]);
  await Promise.all(["a", "b", "a"].map(ask));
  expect(made).toEqual(["a", "b"]);
  await ask("a");
  await ask("c"); // b was used longest ago
  await ask("a");
  expect(made).toEqual(["a", "b", "c"]);
  await ask("b");
  expect(made).toEqual(["a", "b", "c", "b"]);
  const asked = Array.from({ length: 30 }, async (_, index) => await ask(`x${index}`));
  expect((await Promise.all(asked)).filter((state) => state === "busy").length).toBe(14);
});

test("numbers, times and names as people read them", () => {
  expect([0, 999, 1000, 99_949, 999_500, 1_234_567, 45e9].map(showBytes)).toEqual(["0 B", "999 B", "1.0 kB", "99.9 kB", "1.0 MB", "1.2 MB", "45.0 GB"]);
  expect([0, 59e3, 60e3, 7_200e3, 86_400e3 * 3, 86_400e3 * 800, -5e3].map((age) => showAge(1e12 - age, 1e12))).toEqual([
    "just now",
    "just now",
    "1 minute ago",
    "2 hours ago",
    "3 days ago",
    "2 years ago",
    "just now",
  ]);
  expect(["plain ä 日本", "a\u202eb", "\u0007\u200b", "\udcff", "a\\b", "\u00a0", "👍"].map(visibleName)).toEqual([
    "plain ä 日本",
    "a\\u{202e}b",
    "\\u{7}\\u{200b}",
    "\\xff",
    "a\\\\b",
    "\\u{a0}",
    "👍",
  ]);
});
