import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openApi } from "../../orchestrator/open-api.ts";
import { temporaryRoot } from "../support/root.ts";
import { apiOfFile, testApi } from "./api-server.ts";
import { configMap, configMaps, pods, take } from "./api-objects.ts";

const server = apiOfFile();

describe("lists", () => {
  test("come in pages that all show the first page's moment", async () => {
    await server.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "paged" } } });
    const path = "/api/v1/namespaces/paged/secrets";
    for (const name of ["a", "b", "c", "d"]) await server.call("POST", path, { body: { metadata: { name } } });
    const first = (await server.call("GET", `${path}?limit=2`)).body;
    await server.call("DELETE", `${path}/c`);
    await server.call("POST", path, { body: { metadata: { name: "bb" } } });
    const second = (await server.call("GET", `${path}?limit=2&continue=${encodeURIComponent(first.metadata.continue)}`)).body;
    const names = ({ items }: any): string[] => items.map(({ metadata }: any) => metadata.name as string);
    expect([names(first), first.metadata.remainingItemCount, names(second), second.metadata.continue]).toEqual([["a", "b"], 2, ["c", "d"], undefined]);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(names((await server.call("GET", path)).body)).toEqual(["a", "b", "bb", "d"]);
  });

  test("can be tables, or metadata alone", async () => {
    const table = (
      await server.call("GET", "/api/v1/namespaces?limit=1", { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" } })
    ).body;
    expect([table.kind, table.columnDefinitions.map(({ name }: any) => name), table.rows[0].cells.slice(0, 2), table.rows[0].object.kind]).toEqual([
      "Table",
      ["Name", "Status", "Age"],
      ["default", "Active"],
      "PartialObjectMetadata",
    ]);
    const partial = (
      await server.call("GET", "/api/v1/namespaces", { headers: { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" } })
    ).body;
    expect([partial.kind, Object.keys(partial.items[0])]).toEqual(["PartialObjectMetadataList", ["kind", "apiVersion", "metadata"]]);
  });

  test("take field selectors", async () => {
    const names = async (selector: string): Promise<string[]> =>
      (await server.call("GET", `/api/v1/namespaces?fieldSelector=${encodeURIComponent(selector)}`)).body.items.map(({ metadata }: any) => metadata.name);
    expect(await names("metadata.name=default")).toEqual(["default"]);
    expect(await names("metadata.name!=default,status.phase=Active")).toContain("kube-system");
  });
});

describe("watches", () => {
  test("tell what is there, then what changes, within the selection", async () => {
    const events = server.watch(`${configMaps}?watch=true&labelSelector=watched%3Dyes`);
    await server.call("POST", configMaps, { body: configMap("first", { labels: { watched: "yes" } }) });
    expect((await events.next()).value.object.metadata.name).toBe("first"); // it is under way
    const taken = take(events, 4);
    const patch = async (labels: object): Promise<unknown> =>
      await server.call("PATCH", `${configMaps}/seen`, { body: { metadata: { labels } }, headers: { "content-type": "application/merge-patch+json" } });
    await server.call("POST", configMaps, { body: configMap("seen", { labels: { watched: "no" } }) });
    await patch({ watched: "yes" });
    await patch({ more: "x" });
    await patch({ watched: "no" });
    await patch({ watched: "yes" });
    expect((await taken).map(({ type, object }) => [type, object.metadata.labels.watched])).toEqual([
      ["ADDED", "yes"],
      ["MODIFIED", "yes"],
      ["DELETED", "no"],
      ["ADDED", "yes"],
    ]);
  });

  test("begin after a version without a gap", async () => {
    const { metadata } = (await server.call("GET", configMaps)).body;
    await server.call("POST", configMaps, { body: configMap("between") });
    const [event] = await take(server.watch(`${configMaps}?watch=1&resourceVersion=${metadata.resourceVersion}`), 1);
    expect([event.type, event.object.metadata.name]).toEqual(["ADDED", "between"]);
  });

  test("tell a deletion with the version of the deletion", async () => {
    const { body: made } = await server.call("POST", configMaps, { body: configMap("short") });
    await server.call("DELETE", `${configMaps}/short`);
    const [event] = await take(server.watch(`${configMaps}?watch=1&resourceVersion=${made.metadata.resourceVersion}`), 1);
    expect(event.type).toBe("DELETED");
    expect(Number(event.object.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  test("mark the end of the initial events when asked", async () => {
    const count = (await server.call("GET", "/api/v1/namespaces")).body.items.length as number;
    const events = await take(
      server.watch("/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"),
      count + 1,
    );
    expect(events.slice(0, -1).every(({ type }) => type === "ADDED")).toBe(true);
    expect([events.at(-1).type, events.at(-1).object.metadata.annotations]).toEqual(["BOOKMARK", { "k8s.io/initial-events-end": "true" }]);
  });

  test("end when their time is up", async () => expect(await take(server.watch(`${pods}?watch=1&timeoutSeconds=1&labelSelector=no%3Done`), 1)).toEqual([]));

  test("take the longest time for a long time", async () => {
    const events = take(server.watch(`${configMaps}?watch=1&timeoutSeconds=99999999999&labelSelector=late`), 1);
    expect(await Promise.race([events, delay(200)])).toBeUndefined();
    await server.call("POST", configMaps, { body: configMap("late", { labels: { late: "" } }) });
    expect((await events)[0]?.type).toBe("ADDED");
  });

  test.each(["0x10", "1e3", "-1", " 5", "newest"])("of version %j are refused", async (version) => {
    const { status, body } = await server.call("GET", `${configMaps}?watch=1&resourceVersion=${encodeURIComponent(version)}`);
    expect([status, body.message]).toEqual([400, expect.stringContaining("strconv.ParseUint")]);
  });

  test("of versions long gone are told so", async () => {
    await server.call("POST", configMaps, { body: configMap("busy") });
    const version = (await server.call("GET", configMaps)).body.metadata.resourceVersion as string;
    for (let round = 0; round < 45; round++) {
      await Promise.all(
        Array.from(
          { length: 100 },
          async (_, index) =>
            await server.api.cluster.modify("configmaps", { namespace: "default", name: "busy" }, (current) => ({
              ...current,
              data: { k: `${round}-${index}` },
            })),
        ),
      );
    }
    const answer = await server.call("GET", `${configMaps}?watch=1&resourceVersion=${version}`);
    expect([answer.status, answer.body.reason]).toEqual([410, "Expired"]);
  });
});

test("a restart finds everything again and keeps old watches going", async () => {
  await using first = await testApi();
  await first.call("POST", configMaps, { body: configMap("stays") });
  const version = (await first.call("GET", `${configMaps}/stays`)).body.metadata.resourceVersion as string;
  await first.call("POST", configMaps, { body: configMap("later") });
  await first.api.close();
  await using second = await testApi({ root: first.root });
  const [event] = await take(second.watch(`${configMaps}?watch=1&resourceVersion=${version}`), 1);
  expect(event.object.metadata.name).toBe("later");
  expect((await second.call("GET", `${configMaps}/stays`)).status).toBe(200);
});

test("a start that fails leaves the cluster free for the next", async () => {
  await using other = await testApi();
  const { port } = new URL(other.api.url);
  using place = temporaryRoot();
  await expect(openApi({ root: place.root, listen: { host: "127.0.0.1", port: Number(port) } })).rejects.toMatchObject({ code: "EADDRINUSE" });
  const second = await openApi({ root: place.root, listen: { host: "127.0.0.1", port: 0 } });
  await second.close();
});
