/** A repository with 150,000 tags of one image: whatever is asked of it, nobody else waits long. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Digest } from "../../store/digest.ts";
import { pushImage, startRegistry, type TestRegistry } from "./registry.ts";

const TAGS = 150_000;
const AT_ONCE = 10_000;
const NAME = "many/tags";
/** Milliseconds: what it took before was seconds. */
const MAX_BLOCKED_MS = 250;

let registry: TestRegistry;
let digest: Digest;

beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
  ({ digest } = (await pushImage(registry, NAME, "first")).descriptor);
  const other = await pushImage(registry, NAME, "other", { annotations: { is: "another" } });
  const tags = registry.store.table<Digest>("registry.tags");
  for (let from = 0; from < TAGS; from += AT_ONCE)
    await tags.transact((rows) => {
      for (let n = from; n < from + AT_ONCE; n++) rows.put(`${NAME}:v${n}`, n === 77_777 ? other.descriptor.digest : digest);
    });
}, 300_000);
afterAll(async () => await registry[Symbol.asyncDispose]());

async function blockedFor(act: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await act();
  delay.disable();
  return delay.max / 1e6;
}

test.each([
  { name: "its page", path: `/ui/${NAME}`, says: ["v99999", "150,002 tags"] },
  { name: "a later part of its page", path: `/ui/${NAME}?from=30000`, says: ["v72998", "More ("] },
  { name: "a search in it", path: `/ui/${NAME}?q=77777`, says: ["v77777", "1 tag"] },
  { name: "its list", path: `/v2/${NAME}/tags/list`, says: ['"v99999"', '"first"'] },
  { name: "the page of an image", path: `/ui/${NAME}:first`, says: ["<option>v99999</option>"] },
])("$name is shown, and others are answered meanwhile", { timeout: 60_000 }, async ({ path, says }) => {
  await fetch(registry.url + path);
  let shown = "";
  expect(await blockedFor(async () => (shown = await (await fetch(registry.url + path)).text()))).toBeLessThan(MAX_BLOCKED_MS);
  for (const text of says) expect(shown).toContain(text);
});

test("the manifest is deleted with them in seconds, and what names another stays", { timeout: 120_000 }, async () => {
  const started = performance.now();
  const url = `${registry.url}/v2/${NAME}/manifests/${digest}`;
  expect(await blockedFor(async () => expect((await fetch(url, { method: "DELETE" })).status).toBe(202))).toBeLessThan(MAX_BLOCKED_MS);
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(await (await fetch(`${registry.url}/v2/${NAME}/tags/list`)).json()).toEqual({ name: NAME, tags: ["other", "v77777"] });
});
