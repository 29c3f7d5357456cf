/** Tags and catalog: sorted, paged. */
import { expect, test } from "vitest";
import { pushImage } from "../registry.ts";
import { registry, call, errorCode } from "./served.ts";

test("Tags and catalog: tags are sorted bytewise, and paged", async () => {
  for (const tag of ["b", "a", "B", "_x", "a.1", "10", "9"]) await pushImage(registry, "paged/tags", tag);
  const sorted = ["10", "9", "B", "_x", "a", "a.1", "b"];
  const list = async (query: string): Promise<readonly [unknown, string | null]> => {
    const reply = await call(`/v2/paged/tags/tags/list${query}`);
    return [((await reply.json()) as { tags: unknown }).tags, reply.headers.get("link")];
  };
  expect(await list("")).toEqual([sorted, null]);
  expect(await list("?n=3")).toEqual([sorted.slice(0, 3), '</v2/paged/tags/tags/list?n=3&last=B>; rel="next"']);
  expect(await list("?n=3&last=B")).toEqual([sorted.slice(3, 6), '</v2/paged/tags/tags/list?n=3&last=a.1>; rel="next"']);
  expect(await list("?n=3&last=a.1")).toEqual([["b"], null]);
  expect(await list("?last=_x")).toEqual([["a", "a.1", "b"], null]);
  expect(await list("?n=0")).toEqual([[], null]);
  expect(await list("?n=7")).toEqual([sorted, null]);
  const bad = await call("/v2/paged/tags/tags/list?n=x");
  expect([bad.status, await errorCode(bad)]).toEqual([400, "PAGINATION_NUMBER_INVALID"]);
  const unknown = await call("/v2/no/such/tags/list");
  expect([unknown.status, await errorCode(unknown)]).toEqual([404, "NAME_UNKNOWN"]);
});

test("Tags and catalog: the catalog is paged alike", async () => {
  for (const name of ["zoo/a", "zoo/b", "zoo/c"]) await pushImage(registry, name, "v1");
  const reply = await call("/v2/_catalog?n=2&last=zoo/a");
  expect(await reply.json()).toEqual({ repositories: ["zoo/b", "zoo/c"] });
  expect(await (await call("/v2/_catalog?last=zoo/b")).json()).toEqual({ repositories: ["zoo/c"] });
  expect(await (await call("/v2/_catalog?n=0")).json()).toEqual({ repositories: [] });
  const first = await call("/v2/_catalog?n=1");
  expect(first.headers.get("link")).toMatch(/^<\/v2\/_catalog\?n=1&last=.*>; rel="next"$/);
});
