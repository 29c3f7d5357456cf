/** Where connections to services go: routes, rules and listeners, as tables. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planEndpoints } from "../../orchestrator/controllers/endpoints/legacy-plan.ts";
import { isMirrored, planMirror } from "../../orchestrator/controllers/endpoints/mirror-plan.ts";
import type { SliceDraft } from "../../orchestrator/controllers/endpoints/plan.ts";
import { readClients } from "../../orchestrator/proxy/affinity.ts";
import { Chooser } from "../../orchestrator/proxy/chooser.ts";
import { forwardDatagrams } from "../../orchestrator/proxy/forward-datagrams.ts";
import { wantedListeners } from "../../orchestrator/proxy/listeners.ts";
import { keyOfBackend, routesOf, type Backend, type Route } from "../../orchestrator/proxy/routes.ts";
import { serviceRules } from "../../orchestrator/proxy/ruleset.ts";
import { staleFlows } from "../../orchestrator/proxy/rules-in-force.ts";
import { meta } from "./objects.ts";

function service(spec: object = {}, name = "web"): KubeObject {
  const ports = [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }];
  return { apiVersion: "v1", kind: "Service", metadata: meta(name), spec: { clusterIP: "10.96.0.50", type: "ClusterIP", ports, ...spec } };
}

function slice(endpoints: readonly object[], ports: readonly object[] = [{ name: "http", port: 8080, protocol: "TCP" }], owner = "web"): KubeObject {
  const metadata = meta(`${owner}-x`, { labels: { "kubernetes.io/service-name": owner } });
  return { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, addressType: "IPv4", ports, endpoints };
}

const at = (address: string, conditions: object = { ready: true, serving: true, terminating: false }): object => ({ addresses: [address], conditions });
const leaving = at("10.88.0.9", { ready: false, serving: true, terminating: true });
const unready = at("10.88.0.8", { ready: false, serving: false, terminating: false });

describe("a route", () => {
  const choices = [
    { name: "ready endpoints", endpoints: [at("10.88.0.2"), unready, leaving], want: ["10.88.0.2:8080"] },
    { name: "those that still serve while they end, when no other is left", endpoints: [unready, leaving], want: ["10.88.0.9:8080"] },
    { name: "nobody, when nobody serves", endpoints: [unready], want: [] },
    { name: "endpoints whose slice says nothing of readiness", endpoints: [{ addresses: ["10.88.0.3"] }], want: ["10.88.0.3:8080"] },
    { name: "each endpoint once", endpoints: [at("10.88.0.2"), at("10.88.0.2")], want: ["10.88.0.2:8080"] },
  ];
  test.each(choices)("goes to $name", ({ endpoints, want }) => {
    expect(routesOf([service()], [slice(endpoints)]).flatMap(({ backends }) => backends.map(keyOfBackend))).toEqual(want);
  });

  const services = [
    { name: "a headless service has none", spec: { clusterIP: "None" }, want: [] },
    { name: "an ExternalName has none", spec: { type: "ExternalName", clusterIP: undefined }, want: [] },
    { name: "SCTP has none", spec: { ports: [{ port: 1, protocol: "SCTP" }] }, want: [] },
    {
      name: "each port has its own, with the service's external addresses",
      spec: {
        externalIPs: ["192.0.2.9"],
        ports: [
          { name: "http", port: 80 },
          { name: "dns", port: 53, protocol: "UDP" },
        ],
      },
      want: ["default/web/http tcp 80 10.96.0.50,192.0.2.9", "default/web/dns udp 53 10.96.0.50,192.0.2.9"],
    },
  ];
  test.each(services)("of services: $name", ({ spec, want }) => {
    const routes = routesOf([service(spec)], []);
    expect(routes.map(({ name, protocol, port, addresses }) => `${name} ${protocol} ${port} ${addresses.join(",")}`)).toEqual(want);
  });
});

const route = (more: Partial<Route> = {}): Route => ({
  name: "default/web/http",
  protocol: "tcp",
  addresses: ["10.96.0.50"],
  port: 80,
  nodePort: undefined,
  type: "ClusterIP",
  backends: [
    { host: "10.88.0.2", port: 8080 },
    { host: "10.88.0.3", port: 8080 },
  ],
  affinity: undefined,
  ...more,
});

describe("the rules", () => {
  const rules = (routes: readonly Route[], more: object = {}): string =>
    serviceRules({ cidr: "10.96.0.0/20", bridges: "stabc*", seesBridged: false, routes, clients: new Map(), ...more });

  const cases = [
    {
      name: "send a service's connections to one of its endpoints",
      routes: [route()],
      want: "dnat ip to numgen random mod 2 map { 0 : 10.88.0.2 . 8080, 1 : 10.88.0.3 . 8080 }",
    },
    {
      name: "find a service by address, protocol and port",
      routes: [route({ protocol: "udp" })],
      want: "10.96.0.50 . udp . 80 : goto service-default/web/http/udp",
    },
    { name: "look at the packets of pods", routes: [], want: 'iifname "stabc*" ip daddr . meta l4proto . th dport vmap @services' },
    { name: "do not speak to other machines", routes: [], want: 'iifname != "lo" iifname != "stabc*" ip daddr 10.96.0.0/20 drop' },
    { name: "refuse what nobody answers", routes: [], want: "ip daddr 10.96.0.0/20 goto refuse" },
    { name: "give a pod that reaches itself another source", routes: [route()], want: "10.88.0.2 . 10.88.0.2" },
    { name: "keep the source where answers pass", routes: [], more: { seesBridged: true }, want: "ct mark set" },
    { name: "remember a client's endpoint", routes: [route({ affinity: 60 })], want: "update @clients-default/web/http/tcp-10.88.0.2/8080 { ip saddr }" },
    {
      name: "keep what was remembered",
      routes: [route({ affinity: 60 })],
      more: { clients: new Map([["clients-default/web/http/tcp-10.88.0.3/8080", [{ address: "10.88.0.7", expires: 42 }]]]) },
      want: "elements = { 10.88.0.7 timeout 60s expires 42s }",
    },
  ];
  test.each(cases)("$name", ({ routes, more = {}, want }) => expect(rules(routes, more)).toContain(want));

  test("know nothing of a service without endpoints", () => {
    expect(rules([route({ backends: [] })])).not.toContain("10.96.0.50");
  });

  test("forget the datagrams of endpoints that left, and no others", () => {
    const before = [route({ protocol: "udp" }), route()];
    const after = [route({ protocol: "udp", backends: [{ host: "10.88.0.3", port: 8080 }] })];
    expect(staleFlows(before, after)).toEqual([{ protocol: "udp", address: "10.96.0.50", port: 80, endpoint: "10.88.0.2" }]);
    expect(staleFlows(after, before)).toEqual([]);
  });

  test("are read back for the clients that stay", () => {
    const elem = [{ elem: { val: "10.88.0.7", timeout: 60, expires: 42 } }, { elem: { val: "10.88.0.8", timeout: 60, expires: 0 } }];
    const table = { nftables: [{ metainfo: {} }, { set: { name: "themselves", elem: [] } }, { set: { name: "clients-a", elem } }] };
    expect([...readClients(table)]).toEqual([["clients-a", [{ address: "10.88.0.7", expires: 42 }]]]);
    expect(readClients({}).size).toBe(0);
  });
});

describe("the older Endpoints", () => {
  const ports = [{ name: "", port: 80, protocol: "TCP" }];
  const drafts = (count: number, ready = true): readonly SliceDraft[] =>
    Array.from({ length: Math.ceil(count / 100) }, (_, slice) => ({
      ports,
      endpoints: Array.from({ length: Math.min(100, count - slice * 100) }, (__, index) => ({ addresses: [`10.${slice}.0.${index}`], conditions: { ready } })),
    }));

  test("have one subset for the slices of the same ports", () => {
    const { subsets, truncated } = planEndpoints(drafts(250));
    expect([subsets.map((subset: any) => [subset.addresses.length, subset.ports]), truncated]).toEqual([[[250, [{ port: 80, protocol: "TCP" }]]], false]);
  });

  test("leave out who ends, and keep apart who is not ready", () => {
    const endpoints = [
      { addresses: ["10.0.0.1"], conditions: { ready: true } },
      { addresses: ["10.0.0.2"], conditions: { ready: false } },
      { addresses: ["10.0.0.3"], conditions: { ready: false, serving: true, terminating: true } },
    ];
    expect(planEndpoints([{ ports, endpoints }]).subsets).toMatchObject([{ addresses: [{ ip: "10.0.0.1" }], notReadyAddresses: [{ ip: "10.0.0.2" }] }]);
  });

  test("are cut at a thousand addresses, and say so", () => {
    const { subsets, truncated } = planEndpoints([...drafts(600, false), ...drafts(600)]);
    expect([subsets.map((subset: any) => [subset.addresses.length, subset.notReadyAddresses.length]), truncated]).toEqual([[[600, 400]], true]);
  });
});

const listeners = [
  { name: "a ClusterIP service has none", route: route(), want: [] },
  { name: "a NodePort listens at its node port", route: route({ type: "NodePort", nodePort: 30080 }), want: ["tcp 127.0.0.1:30080", "tcp 192.0.2.2:30080"] },
  {
    name: "a LoadBalancer at its own port too",
    route: route({ type: "LoadBalancer", nodePort: 30080 }),
    want: ["tcp 127.0.0.1:80", "tcp 192.0.2.2:80", "tcp 127.0.0.1:30080", "tcp 192.0.2.2:30080"],
  },
  {
    name: "node ports at further addresses, where there are some",
    nodePorts: ["::1"],
    route: route({ type: "LoadBalancer", nodePort: 30080 }),
    want: ["tcp 127.0.0.1:80", "tcp 192.0.2.2:80", "tcp 127.0.0.1:30080", "tcp 192.0.2.2:30080", "tcp ::1:30080"],
  },
  { name: "datagrams too", route: route({ type: "NodePort", nodePort: 30053, protocol: "udp" }), want: ["udp 127.0.0.1:30053", "udp 192.0.2.2:30053"] },
  { name: "without rules the service's address too", cluster: true, route: route(), want: ["tcp 10.96.0.50:80"] },
  { name: "without rules and without endpoints nowhere, so that the kernel refuses", cluster: true, route: route({ backends: [] }), want: [] },
];
test.each(listeners)("of listeners: $name", ({ route: one, cluster = false, nodePorts = [], want }) => {
  const found = wantedListeners(one, { node: ["127.0.0.1", "192.0.2.2"], nodePorts, cluster });
  expect(found.map(({ protocol, address, port }) => `${protocol} ${address}:${port}`)).toEqual(want);
});

describe("the proxy's choice", () => {
  test("goes round, and passes over what was tried", () => {
    const chooser = new Chooser(() => route());
    const hosts = [1, 2, 3].map(() => chooser.next("c", new Set())?.host);
    expect(hosts).toEqual(["10.88.0.2", "10.88.0.3", "10.88.0.2"]);
    expect(chooser.next("c", new Set(["10.88.0.2:8080", "10.88.0.3:8080"]))).toBeUndefined();
  });

  test("stays with a client for as long as the service says, while the endpoint is there", () => {
    let now = route({ affinity: 10 });
    const chooser = new Chooser(() => now);
    const first = chooser.next("c", new Set(), 0)?.host;
    expect([1, 2, 3].map((second) => chooser.next("c", new Set(), second * 1000)?.host)).toEqual([first, first, first]);
    now = route({ affinity: 10, backends: [{ host: "10.88.0.9", port: 8080 }] });
    expect(chooser.next("c", new Set(), 4000)?.host).toBe("10.88.0.9");
  });
});

test("a client's datagrams go elsewhere when its backend is left out, and stay otherwise", async () => {
  const backends = await Promise.all(["one", "two"].map(async (name) => await echo(name)));
  const [one, two] = backends.map((socket): Backend => ({ host: "127.0.0.1", port: socket.address().port }));
  let chosen = one;
  const client = createSocket("udp4");
  const front = createSocket("udp4");
  await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
  const { port } = front.address();
  front.close();
  using forwarder = await forwardDatagrams("127.0.0.1", port, () => chosen);
  const ask = async (): Promise<string> => {
    const answer = once(client, "message");
    client.send("?", port, "127.0.0.1");
    return String((await answer)[0]);
  };
  try {
    expect(await ask()).toBe("one");
    chosen = two;
    forwarder.retain([one!, two!]);
    expect(await ask()).toBe("one");
    forwarder.retain([two!]);
    expect(await ask()).toBe("two");
  } finally {
    for (const socket of [client, ...backends]) socket.close();
  }
});

async function echo(name: string): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (_, from) => socket.send(name, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

describe("Endpoints that a user keeps", () => {
  const endpoints = (more: object = {}): KubeObject => ({
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: meta("db"),
    subsets: [{ addresses: [{ ip: "192.0.2.7", hostname: "one" }], notReadyAddresses: [{ ip: "192.0.2.8" }], ports: [{ port: 5432 }] }],
    ...more,
  });

  test("become a slice a subset", () => {
    expect(planMirror(endpoints())).toEqual([
      {
        ports: [{ name: "", port: 5432, protocol: "TCP" }],
        endpoints: [
          { addresses: ["192.0.2.7"], conditions: { ready: true }, hostname: "one" },
          { addresses: ["192.0.2.8"], conditions: { ready: false } },
        ],
      },
    ]);
  });

  const rows = [
    { name: "of a service without selector are mirrored", owner: service({ selector: undefined }), want: true },
    { name: "of a service with selector are the cluster's own", owner: service({ selector: { app: "db" } }), want: false },
    { name: "without service are not", owner: undefined, want: false },
    {
      name: "whose label says so are not",
      owner: service({ selector: undefined }),
      object: endpoints({ metadata: meta("db", { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } }) }),
      want: false,
    },
  ];
  test.each(rows)("$name", ({ owner, object = endpoints(), want }) => expect(isMirrored(owner, object)).toBe(want));
});
