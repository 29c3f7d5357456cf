/** The registry whose pages a file of tests reads: whoever imports this gets one that listens. */
import { afterAll, beforeAll, expect } from "vitest";
import { startRegistry, type TestRegistry } from "./registry.ts";

export let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
});
afterAll(async () => await registry[Symbol.asyncDispose]());

export const get = async (path: string, headers: Readonly<Record<string, string>> = {}, from = registry): Promise<Response> =>
  await fetch(from.url + path, { headers, redirect: "manual" });
/** The page's text; asked for again while the layers are being read. */
export async function read(path: string): Promise<string> {
  let page = "";
  await expect.poll(async () => (page = await (await get(path)).text()), { timeout: 120_000 }).not.toContain("being read");
  return page;
}
/** What a page says, without its markup. */
export const say = (page: string): string =>
  page
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, " ");
