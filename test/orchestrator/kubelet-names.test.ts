/** What a pod is told of names: its resolver by policy, its variables for services. */
import { expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { parseResolver, resolverOf } from "../../orchestrator/kubelet/resolver.ts";
import { serviceEnvironment } from "../../orchestrator/kubelet/environment/service-environment.ts";
import { meta, pod } from "./objects.ts";

const server = "10.96.0.10";
const host = parseResolver("nameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch corp.example\noptions edns0 timeout:2\n");
const cluster = { servers: [server], search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"], options: ["ndots:5"] };
const node = { servers: ["192.0.2.1"], search: ["corp.example"], options: ["edns0", "timeout:2"] };

const policies = [
  { name: "ClusterFirst asks the cluster", spec: { dnsPolicy: "ClusterFirst" }, want: cluster },
  { name: "no policy is ClusterFirst", spec: {}, want: cluster },
  {
    name: "ClusterFirst on the host's network is Default",
    spec: { dnsPolicy: "ClusterFirst", hostNetwork: true },
    want: { ...node, servers: ["127.0.0.53", "192.0.2.1"] },
  },
  { name: "ClusterFirstWithHostNet asks the cluster there too", spec: { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true }, want: cluster },
  { name: "Default asks whom the node asks, but for its loopback", spec: { dnsPolicy: "Default" }, want: node },
  { name: "None is empty", spec: { dnsPolicy: "None" }, want: { servers: [], search: [], options: [] } },
  {
    name: "dnsConfig adds, and its options win",
    spec: {
      dnsConfig: {
        nameservers: ["192.0.2.9", server],
        searches: ["corp.example", "more.example"],
        options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
      },
    },
    want: { servers: [server, "192.0.2.9"], search: [...cluster.search, "more.example"], options: ["ndots:2", "rotate"] },
  },
];
test.each(policies)("of policies: $name", ({ spec, want }) => expect(resolverOf(pod("p", { spec }), { server, host })).toEqual(want));

test("a node whose only server is loopback is asked by way of the cluster's", () => {
  const lonely = parseResolver("nameserver 127.0.0.53\n");
  expect(resolverOf(pod("p", { spec: { dnsPolicy: "Default" } }), { server, host: lonely }).servers).toEqual([server]);
});

test("a cluster without name server leaves pods to the node's", () => {
  expect(resolverOf(pod("p"), { server: undefined, host })).toEqual(node);
});

const service = (name: string, spec: object, namespace = "default"): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(name, { namespace }),
  spec,
});
const services = [
  service("kubernetes", { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, protocol: "TCP" }] }),
  service("redis-primary", {
    clusterIP: "10.96.0.11",
    ports: [
      { port: 6379, protocol: "TCP" },
      { name: "more", port: 53, protocol: "UDP" },
    ],
  }),
  service("headless", { clusterIP: "None", ports: [{ port: 80 }] }),
  service("outside", { type: "ExternalName" }),
  service("elsewhere", { clusterIP: "10.96.0.12", ports: [{ port: 80 }] }, "other"),
];

test("services of the namespace are variables, in docker's words too", () => {
  const variables = Object.fromEntries(serviceEnvironment(pod("p"), services));
  expect(variables).toMatchObject({
    REDIS_PRIMARY_SERVICE_HOST: "10.96.0.11",
    REDIS_PRIMARY_SERVICE_PORT: "6379",
    REDIS_PRIMARY_SERVICE_PORT_MORE: "53",
    REDIS_PRIMARY_PORT: "tcp://10.96.0.11:6379",
    REDIS_PRIMARY_PORT_6379_TCP_ADDR: "10.96.0.11",
    REDIS_PRIMARY_PORT_53_UDP: "udp://10.96.0.11:53",
    REDIS_PRIMARY_PORT_53_UDP_PROTO: "udp",
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
  });
  expect(Object.keys(variables).filter((name) => /^(?:HEADLESS|OUTSIDE|ELSEWHERE)/.test(name))).toEqual([]);
});

test("a pod without service links, and one of another namespace, still know the API", () => {
  const without = serviceEnvironment(pod("p", { spec: { enableServiceLinks: false } }), services);
  expect([...without.keys()].every((name) => name.startsWith("KUBERNETES_"))).toBe(true);
  const other = { ...pod("p"), metadata: meta("p", { namespace: "other" }) };
  expect([serviceEnvironment(other, services).get("KUBERNETES_SERVICE_HOST"), serviceEnvironment(other, services).get("ELSEWHERE_SERVICE_HOST")]).toEqual([
    "10.96.0.1",
    "10.96.0.12",
  ]);
});
