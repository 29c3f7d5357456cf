/** What the cluster's name server answers: names as a table, then whole packets. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Resolver } from "node:dns/promises";
import { decode, encode, type Packet } from "dns-packet";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { answerer, type Transport } from "../../orchestrator/dns/answer.ts";
import { frame } from "../../orchestrator/dns/frame.ts";
import { serveNames } from "../../orchestrator/dns/server.ts";
import { foreignServers, hostUpstream, type Upstream } from "../../orchestrator/dns/upstream.ts";
import { findRecords, type NameSource } from "../../orchestrator/dns/zone.ts";
import { meta } from "./objects.ts";

const service = (name: string, spec: object, namespace = "default"): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(name, { namespace }),
  spec: { clusterIP: "None", ports: [{ name: "http", port: 80, protocol: "TCP" }], ...spec },
});
const sliceOf = (owner: string, endpoints: readonly object[]): KubeObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: meta(`${owner}-1`, { labels: { "kubernetes.io/service-name": owner } }),
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints,
});
const namespace = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Namespace", metadata: meta(name, { namespace: undefined as never }) });

const objects: Readonly<Record<string, readonly KubeObject[]>> = {
  namespaces: [namespace("default"), namespace("kube-system"), namespace("other")],
  services: [
    service("web", { clusterIP: "10.96.0.50" }),
    service("nginx", {}),
    service("empty", {}),
    service("outside", { type: "ExternalName", externalName: "db.example.com", clusterIP: undefined }),
    service("alias", { type: "ExternalName", externalName: "web.default.svc.cluster.local", clusterIP: undefined }),
    service("kube-dns", { clusterIP: "10.96.0.10" }, "kube-system"),
  ],
  "endpointslices.discovery.k8s.io": [
    sliceOf("nginx", [
      { addresses: ["10.88.0.2"], hostname: "web-0", conditions: { ready: true } },
      { addresses: ["10.88.0.3"], conditions: { ready: true } },
      { addresses: ["10.88.0.4"], hostname: "web-2", conditions: { ready: false } },
    ]),
    sliceOf("empty", [{ addresses: ["10.88.0.9"], conditions: { ready: false } }]),
  ],
};
const source: NameSource = {
  get: (resource, { namespace: space, name }) => objects[resource]?.find(({ metadata }) => metadata.name === name && metadata.namespace === space),
  list: (resource, space) => (objects[resource] ?? []).filter(({ metadata }) => space === undefined || metadata.namespace === space),
};

const names = [
  { ask: "web.default.svc.cluster.local A", want: ["10.96.0.50"] },
  { ask: "WEB.Default.svc.cluster.local A", want: ["10.96.0.50"] },
  { ask: "web.default.svc.cluster.local AAAA", want: [] },
  { ask: "web.other.svc.cluster.local A", want: "unknown" },
  { ask: "web.nowhere.svc.cluster.local A", want: "unknown" },
  { ask: "nginx.default.svc.cluster.local A", want: ["10.88.0.2", "10.88.0.3"] },
  { ask: "empty.default.svc.cluster.local A", want: "unknown" },
  { ask: "web-0.nginx.default.svc.cluster.local A", want: ["10.88.0.2"] },
  { ask: "web-0.nginx.default.svc.cluster.local AAAA", want: [] },
  { ask: "web-2.nginx.default.svc.cluster.local A", want: "unknown" },
  { ask: "10-88-0-3.nginx.default.svc.cluster.local A", want: ["10.88.0.3"] },
  { ask: "_http._tcp.web.default.svc.cluster.local SRV", want: [{ priority: 0, weight: 100, port: 80, target: "web.default.svc.cluster.local" }] },
  {
    ask: "_http._tcp.nginx.default.svc.cluster.local SRV",
    want: [
      { priority: 0, weight: 50, port: 8080, target: "web-0.nginx.default.svc.cluster.local" },
      { priority: 0, weight: 50, port: 8080, target: "10-88-0-3.nginx.default.svc.cluster.local" },
    ],
  },
  { ask: "_http._udp.web.default.svc.cluster.local SRV", want: "unknown" },
  { ask: "_none._tcp.web.default.svc.cluster.local SRV", want: "unknown" },
  { ask: "outside.default.svc.cluster.local A", want: ["db.example.com"] },
  { ask: "10-88-0-7.default.pod.cluster.local A", want: ["10.88.0.7"] },
  { ask: "nothing.default.pod.cluster.local A", want: "unknown" },
  { ask: "10-88-0-7.nowhere.pod.cluster.local A", want: "unknown" },
  { ask: "default.svc.cluster.local A", want: [] },
  { ask: "cluster.local A", want: [] },
  { ask: "nothing.cluster.local A", want: "unknown" },
  { ask: "ns.dns.cluster.local A", want: ["10.96.0.10"] },
  { ask: "dns-version.cluster.local TXT", want: ["1.1.0"] },
  { ask: "50.0.96.10.in-addr.arpa PTR", want: ["web.default.svc.cluster.local"] },
  { ask: "2.0.88.10.in-addr.arpa PTR", want: ["web-0.nginx.default.svc.cluster.local"] },
  { ask: "3.0.88.10.in-addr.arpa PTR", want: ["10-88-0-3.nginx.default.svc.cluster.local"] },
  { ask: "9.9.9.9.in-addr.arpa PTR", want: "foreign" },
  { ask: "example.com A", want: "foreign" },
  { ask: "notcluster.local A", want: "foreign" },
];
test.each(names)("of names: $ask", ({ ask, want }) => {
  const [name = "", type = ""] = ask.split(" ");
  const found = findRecords(source, name, type);
  expect(found.kind === "known" ? found.records.map(({ data }) => data) : found.kind).toEqual(want);
});

interface Asking {
  readonly upstream?: Upstream;
  readonly transport?: Transport;
  readonly from?: NameSource;
}

describe("an answer", () => {
  const deaf: Upstream = { ask: async () => undefined };
  const query = (name: string, type: string, more: object = {}): Buffer =>
    encode({ type: "query", id: 77, flags: 0x100, questions: [{ name, type: type as "A" }], ...more });

  async function ask(
    bytes: Buffer,
    { upstream = deaf, transport = "udp", from = source }: Asking = {},
  ): Promise<Packet & { readonly rcode: string; readonly flag_aa: boolean; readonly flag_tc: boolean }> {
    const reply = await answerer(from, upstream)(bytes, transport);
    return decode(reply ?? Buffer.alloc(0)) as never;
  }

  test("repeats the question and speaks with authority", async () => {
    const reply = await ask(query("web.default.svc.cluster.local", "A"));
    expect(reply).toMatchObject({ type: "response", id: 77, rcode: "NOERROR", flag_aa: true, flag_rd: true, flag_ra: true });
    expect(reply.answers).toMatchObject([{ type: "A", name: "web.default.svc.cluster.local", ttl: 5, data: "10.96.0.50" }]);
  });

  test.each([
    ["for a name that is not there", "no.default.svc.cluster.local", "A", "NXDOMAIN"],
    ["for a type that a name has not", "web.default.svc.cluster.local", "AAAA", "NOERROR"],
  ])("%s says how long that holds", async (_, name, type, rcode) => {
    const reply = await ask(query(name, type));
    expect([reply.rcode, reply.answers]).toEqual([rcode, []]);
    expect(reply.authorities).toMatchObject([{ type: "SOA", name: "cluster.local", data: { minimum: 5 } }]);
  });

  test("for an alias brings what it stands for", async () => {
    const inside = await ask(query("alias.default.svc.cluster.local", "A"));
    expect(inside.answers?.map(({ type, ...rest }) => [type, (rest as { data?: unknown }).data])).toEqual([
      ["CNAME", "web.default.svc.cluster.local"],
      ["A", "10.96.0.50"],
    ]);
    const upstream: Upstream = {
      ask: async (asked) =>
        encode({
          type: "response",
          id: 77,
          questions: decode(asked).questions ?? [],
          answers: [{ type: "A", name: "db.example.com", ttl: 9, data: "192.0.2.9" }],
        }),
    };
    const outside = await ask(query("outside.default.svc.cluster.local", "A"), { upstream });
    expect(outside.answers?.map(({ type }) => type)).toEqual(["CNAME", "A"]);
  });

  test("for SRV brings the addresses of the targets", async () => {
    const reply = await ask(query("_http._tcp.nginx.default.svc.cluster.local", "SRV"));
    expect(reply.additionals).toMatchObject([{ name: "web-0.nginx.default.svc.cluster.local", data: "10.88.0.2" }, { data: "10.88.0.3" }]);
  });

  test("fails at once for other names when the machine has no name server", async () => {
    expect(await ask(query("example.com", "A"))).toMatchObject({ id: 77, rcode: "SERVFAIL" });
  });

  test("too long for a datagram is told to be asked for on a stream", async () => {
    const many = sliceOf(
      "nginx",
      Array.from({ length: 60 }, (_, index) => ({ addresses: [`10.88.1.${index}`] })),
    );
    const from: NameSource = { ...source, list: (resource, space) => (resource.startsWith("endpointslices") ? [many] : source.list(resource, space)) };
    const bytes = query("nginx.default.svc.cluster.local", "A");
    expect(await ask(bytes, { from })).toMatchObject({ flag_tc: true, answers: [] });
    expect((await ask(bytes, { from, transport: "tcp" })).answers).toHaveLength(60);
    const extended = query("nginx.default.svc.cluster.local", "A", { additionals: [{ type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] }] });
    const larger = await ask(extended, { from });
    expect([larger.answers?.length, larger.additionals?.map(({ type }) => type)]).toEqual([60, ["OPT"]]);
  });

  test("to what cannot be read says so, and to a response nothing", async () => {
    expect(await ask(Buffer.from([1, 2, 3]))).toMatchObject({ id: 258, rcode: "FORMERR" });
    expect(await answerer(source, deaf)(encode({ type: "response", id: 1 }), "udp")).toBeUndefined();
  });
});

describe("the server", () => {
  const own = `127.${1 + Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}.7`;
  const other = own.replace(/7$/, "8");
  const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  const foreign = createSocket("udp4");
  let server: AsyncDisposable;

  beforeAll(async () => {
    foreign.on("message", (bytes, from) => {
      const { id, questions } = decode(bytes);
      const answers = [{ type: "A" as const, name: "example.com", ttl: 60, data: "192.0.2.77" }];
      foreign.send(encode({ type: "response", id: id ?? 0, questions: questions ?? [], answers }), from.port, from.address);
    });
    await new Promise<void>((resolve) => foreign.bind(53, other, resolve));
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${own}\nnameserver ${other}\n`);
    server = await serveNames(
      own,
      5353,
      answerer(
        source,
        hostUpstream((address) => address === own, join(folder, "resolv.conf")),
      ),
    );
  });
  afterAll(async () => {
    foreign.close();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("answers by datagram, and asks the machine's own server what it does not know", async () => {
    const resolver = new Resolver({ timeout: 5000 });
    resolver.setServers([`${own}:5353`]);
    expect((await resolver.resolve4("nginx.default.svc.cluster.local")).toSorted()).toEqual(["10.88.0.2", "10.88.0.3"]);
    expect(await resolver.resolve4("example.com")).toEqual(["192.0.2.77"]);
    await expect(resolver.resolve4("no.default.svc.cluster.local")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver.resolve6("web.default.svc.cluster.local")).rejects.toMatchObject({ code: "ENODATA" });
  });

  test("answers who does not read no further than the stream holds, and goes on when they read", async () => {
    const count = 20_000;
    let answered = 0;
    await using counting = await serveNames(own, 5354, async () => {
      answered++;
      return Buffer.alloc(1000);
    });
    const client = connect({ host: own, port: 5354 });
    client.write(Buffer.concat(Array.from({ length: count }, () => frame(Buffer.alloc(20)))));
    await vi.waitUntil(async () => {
      const before = answered;
      await delay(300);
      return before > 0 && before === answered;
    }, 20_000);
    expect(answered).toBeLessThan(count);
    let bytes = 0;
    for await (const chunk of client) if ((bytes += (chunk as Buffer).length) === count * 1002) break;
    expect([answered, bytes]).toEqual([count, count * 1002]);
    void counting;
  }, 300_000);

  test("asks others so much at once and no more", async () => {
    const silent = own.replace(/7$/, "9");
    using _ = await new Promise<Disposable>((resolve) => {
      const socket = createSocket("udp4");
      socket.bind(53, silent, () => resolve({ [Symbol.dispose]: () => void socket.close() }));
    });
    writeFileSync(join(folder, "silent.conf"), `nameserver ${silent}\n`);
    const upstream = hostUpstream(() => false, join(folder, "silent.conf"));
    const query = encode({ type: "query", id: 1, questions: [{ type: "A", name: "example.com" }] });
    const asked = Array.from({ length: 1000 }, async () => await upstream.ask(query, "udp"));
    expect(await Promise.race([upstream.ask(query, "udp"), Promise.any(asked).then(() => "late")])).toBeUndefined();
    await Promise.all(asked);
    writeFileSync(join(folder, "silent.conf"), `nameserver ${other}\n`);
    expect(await upstream.ask(query, "udp")).toBeDefined();
  }, 300_000);

  const texts = [
    {
      name: "servers in their order",
      text: "search a b\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\nnameserver 192.0.2.2\n",
      want: ["192.0.2.1", "192.0.2.2"],
    },
    { name: "never oneself", text: "nameserver 10.96.0.10\n", want: [] },
    { name: "three at most", text: [1, 2, 3, 4].map((last) => `nameserver 192.0.2.${last}`).join("\n"), want: ["192.0.2.1", "192.0.2.2", "192.0.2.3"] },
  ];
  test.each(texts)("asks $name", ({ text, want }) => expect(foreignServers(text, (address) => address.startsWith("10.96."))).toEqual(want));
});
