/** A pod's /etc/resolv.conf by its policy. Decides, and does nothing. Spec: Kubernetes documentation, "DNS for Services and Pods". */
import { readFile } from "node:fs/promises";
import type { KubeObject } from "../cluster.ts";
import { DOMAIN } from "../dns/zone.ts";
import { specOf, type PodSpec } from "./pod-spec.ts";

export interface Resolver {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface ResolverInput {
  /** Address of the cluster's name server; undefined when it has none. */
  readonly server: string | undefined;
  /** The node's own. */
  readonly host: Resolver;
}

const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const NONE: Resolver = { servers: [], search: [], options: [] };

export function resolverOf(pod: KubeObject, { server, host }: ResolverInput): Resolver {
  const spec = specOf(pod);
  const basis = basisOf(spec, pod.metadata.namespace ?? "", server, host);
  const { nameservers = [], searches = [], options = [] } = spec.dnsConfig ?? {};
  const given = options.map(({ name, value }) => (value === undefined ? name : `${name}:${value}`));
  return {
    servers: [...new Set([...basis.servers, ...nameservers])].slice(0, MAX_SERVERS),
    search: [...new Set([...basis.search, ...searches])].slice(0, MAX_SEARCHES),
    options: [...basis.options.filter((option) => !given.some((other) => nameOf(other) === nameOf(option))), ...given],
  };
}

function basisOf({ dnsPolicy = "ClusterFirst", hostNetwork = false }: PodSpec, namespace: string, server: string | undefined, host: Resolver): Resolver {
  if (dnsPolicy === "None") return NONE;
  const isCluster = dnsPolicy === "ClusterFirstWithHostNet" || (dnsPolicy === "ClusterFirst" && !hostNetwork);
  if (isCluster && server !== undefined) {
    const search = [`${namespace}.svc.${DOMAIN}`, `svc.${DOMAIN}`, DOMAIN, ...host.search];
    return { servers: [server], search, options: ["ndots:5"] };
  }
  const reachable = hostNetwork ? host.servers : host.servers.filter((address) => !/^(?:127\.|::1$)/.test(address));
  return { ...host, servers: reachable.length > 0 || server === undefined ? reachable : [server] }; /* it asks the node's */
}

function nameOf(option: string): string {
  return option.split(":")[0] ?? "";
}

export function parseResolver(text: string): Resolver {
  const lines = text.split("\n").map((line) => line.trim());
  const words = (key: string): readonly string[] => lines.filter((line) => line.startsWith(`${key} `)).flatMap((line) => line.split(/\s+/).slice(1));
  return { servers: words("nameserver"), search: words("search").filter((name) => name !== "."), options: words("options") };
}

export async function hostResolver(): Promise<Resolver> {
  return parseResolver(await readFile("/etc/resolv.conf", "utf8").catch(() => ""));
}
