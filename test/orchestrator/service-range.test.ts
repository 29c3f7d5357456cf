/** Addresses of services when their range moves, and when a pod's end may begin. */
import { afterEach, describe, expect, test } from "vitest";
import type { Cluster, KubeObject, WatchEvent } from "../../orchestrator/cluster.ts";
import { openApi, type OpenedApi } from "../../orchestrator/open-api.ts";
import { RulesInForce } from "../../orchestrator/proxy/rules-in-force.ts";
import { withdrawal } from "../../orchestrator/proxy/withdrawal.ts";
import type { ServiceNetwork } from "../../runtime/service-network.ts";
import { temporaryRoot } from "../support/root.ts";
import { FakeClock } from "./fake-clock.ts";
import { meta, pod } from "./objects.ts";

describe("services whose range moved", () => {
  let api: OpenedApi | undefined;
  afterEach(async () => await api?.close());

  test("keep their place in it, those without address have none, and the API's is the first", async () => {
    using place = temporaryRoot();
    const open = async (serviceCidr: string, formerCidr?: string): Promise<OpenedApi> =>
      await openApi({ root: place.root, listen: { host: "127.0.0.1", port: 0 }, serviceCidr, formerCidr });
    api = await open("10.96.0.0/20");
    const make = async (name: string, clusterIP?: string): Promise<KubeObject> =>
      await (api as OpenedApi).cluster.create("services", {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default" },
        spec: { clusterIP, ports: [{ port: 80 }] },
      });
    await make("fixed", "10.96.0.77");
    await make("headless", "None");
    const free = (await make("free")).spec.clusterIP;
    await api.close();
    api = await open("10.98.32.0/20", "10.96.0.0/20");
    const addressOf = (name: string): unknown => api?.cluster.get("services", { namespace: "default", name })?.spec.clusterIP;
    const [, , third, fourth] = String(free).split(".");
    expect(["kubernetes", "fixed", "headless", "free"].map(addressOf)).toEqual(["10.98.32.1", "10.98.32.77", "None", `10.98.${32 + Number(third)}.${fourth}`]);
  });
});

test("rules that something took away are put back", async () => {
  const clock = new FakeClock();
  const replaced: (string | undefined)[] = [];
  let table: unknown = {};
  const network = {
    bridges: "stabc*",
    readTable: async () => table,
    replaceTable: async (body: string | undefined) => {
      replaced.push(body);
      table = { nftables: [] };
    },
    forgetFlows: async () => {},
    forgetEndpoints: async () => {},
  } as unknown as ServiceNetwork;
  const cluster = { list: () => [], watch: () => ({ [Symbol.dispose]() {} }) } as unknown as Cluster;
  await using rules = new RulesInForce({ cluster, clock, network, cidr: "10.96.0.0/20", log: () => {} });
  await clock.advance(100);
  await clock.advance(31_000);
  await rules.sync();
  expect(replaced.length).toBe(1);
  table = {};
  await clock.advance(31_000);
  await clock.advance(100);
  expect(replaced).toEqual([replaced[0], replaced[0]]);
});

test("who waits for the rules waits for what was known then, whatever changes meanwhile", async () => {
  const clock = new FakeClock();
  const handlers = new Map<string, (event: WatchEvent) => void>();
  const change = (): void => handlers.get("services")?.({ type: "ADDED", object: { apiVersion: "v1", kind: "Service", metadata: meta("web") } });
  const network = {
    bridges: "stabc*",
    readTable: async () => ({ nftables: [] }),
    replaceTable: async () => change(),
    forgetFlows: async () => {},
    forgetEndpoints: async () => {},
  } as unknown as ServiceNetwork;
  const watch = (resource: string, handler: (event: WatchEvent) => void): Disposable => {
    handlers.set(resource, handler);
    return { [Symbol.dispose]() {} };
  };
  const cluster = { list: () => [], watch } as unknown as Cluster;
  await using rules = new RulesInForce({ cluster, clock, network, cidr: "10.96.0.0/20", log: () => {} });
  let done = false;
  const first = rules.sync().then(() => (done = true));
  expect(done).toBe(false);
  await clock.advance(10);
  await first;
  let second = false;
  void rules.sync().then(() => (second = true));
  await clock.advance(150);
  expect(second, "replacements rest").toBe(false);
  await clock.advance(100);
  expect(second).toBe(true);
});

describe("a pod that ends", () => {
  const slice = (terminating: boolean): KubeObject => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: meta("web-1"),
    endpoints: [{ addresses: ["10.88.0.2"], targetRef: { uid: "uid-p" }, conditions: { ready: !terminating, serving: true, terminating } }],
  });

  /** A cluster of one slice, and rules that are put in force by hand. */
  function stage(first: KubeObject | undefined) {
    let current = first;
    let inForce = Promise.resolve();
    let apply = (): void => {};
    const watchers = new Set<(event: WatchEvent) => void>();
    const cluster = {
      list: () => (current === undefined ? [] : [current]),
      watch: (_: string, handler: (event: WatchEvent) => void) => {
        watchers.add(handler);
        return { [Symbol.dispose]: () => void watchers.delete(handler) };
      },
    } as unknown as Cluster;
    const rules = { sync: async () => await inForce };
    return {
      withdrawn: async () => await withdrawal(cluster, rules).withdrawn(pod("p")),
      change(next: KubeObject): void {
        current = next;
        inForce = new Promise((resolve) => (apply = resolve));
        for (const watcher of watchers) watcher({ type: "MODIFIED", object: next });
      },
      apply: () => apply(),
      listening: () => watchers.size,
    };
  }

  const turn = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 5));

  test("whom no service knows need not wait", async () => await stage(undefined).withdrawn());

  test("waits until its slice says so, and then until the rules that say so are in force", async () => {
    const { withdrawn, change, apply, listening } = stage(slice(false));
    let done = false;
    const waiting = withdrawn().then(() => (done = true));
    await turn();
    change(slice(true));
    await turn();
    expect(done).toBe(false);
    apply();
    await waiting;
    expect(listening()).toBe(0);
  });
});
