/**
 * The whole nft table of a root, from its records: replaced in one transaction whenever it changes,
 * so nothing is ever taken out rule by rule. Established connections go on (conntrack keeps their translation).
 */
import { isIPv6 } from "./ip-version.ts";
import type { PortMapping } from "../networks.ts";
import { ruleset6 } from "./ruleset6.ts";
import { type Endpoint, type NetworkRecord, tableName } from "./record.ts";
import { startTable, type Writing } from "./start-table.ts";

/** Mark of connections between containers that a service's rules sent on, and whose answers pass those rules: they keep their source. */
export const KEEPS_SOURCE = "0x57a7a";

/** The table of those of `networks` that have a bridge, `live`; without any of them, its removal. */
export function ruleset(tag: string, networks: readonly NetworkRecord[], live: readonly NetworkRecord[], writing: Writing = "replace"): string {
  const table = tableName(tag);
  const start = startTable("ip", table, writing);
  const fourth = live.length === 0 ? start : `${start}table ip ${table} {\n${sets(live)}${chains(tag, live)}}\n`;
  return fourth + ruleset6(tag, networks, live, writing);
}

function sets(networks: readonly NetworkRecord[]): string {
  const published = networks.flatMap((network) => Object.values(network.endpoints).flatMap((endpoint) => endpoint.ports.map((port) => ({ endpoint, port }))));
  const map = (protocol: "tcp" | "udp", any: boolean): string => {
    const rows = published
      .filter(({ port }) => port.protocol === protocol && isAny(port) === any && !isIPv6(port.hostIP ?? ""))
      .map(({ endpoint, port }) => element(endpoint, port));
    const key = any ? "inet_service" : "ipv4_addr . inet_service";
    return `  map ${protocol}_${any ? "any" : "at"} { type ${key} : ipv4_addr . inet_service; ${elements(rows)}}\n`;
  };
  const subnets = networks.map((network) => network.subnet);
  return `  set subnets { type ipv4_addr; flags interval; ${elements(subnets)}}\n${map("tcp", true)}${map("tcp", false)}${map("udp", true)}${map("udp", false)}`;
}

function element(endpoint: Endpoint, port: PortMapping): string {
  const key = isAny(port) ? `${port.hostPort}` : `${port.hostIP} . ${port.hostPort}`;
  return `${key} : ${endpoint.address} . ${port.containerPort}`;
}

function elements(rows: readonly string[]): string {
  return rows.length === 0 ? "" : `elements = { ${rows.join(", ")} } `;
}

export function isAny(port: PortMapping): boolean {
  return port.hostIP === undefined || port.hostIP === "" || port.hostIP === "0.0.0.0" || port.hostIP === "::";
}

function chains(tag: string, networks: readonly NetworkRecord[]): string {
  const own = `"st${tag}*"`;
  const isolate = networks.map((network) => `    iifname "${network.bridge}" oifname ${own} oifname != "${network.bridge}" ct status != dnat drop\n`);
  const apart = networks.filter(({ options }) => options?.icc === false).map((network) => `    iifname "${network.bridge}" oifname "${network.bridge}" drop\n`);
  const internal = networks
    .filter((network) => network.internal)
    .flatMap((network) => [
      `    iifname "${network.bridge}" oifname != "${network.bridge}" drop\n`,
      `    oifname "${network.bridge}" iifname != "${network.bridge}" drop\n`,
    ]);
  return `  chain ports {
    dnat ip to ip daddr . tcp dport map @tcp_at
    dnat ip to ip daddr . udp dport map @udp_at
    dnat ip to tcp dport map @tcp_any
    dnat ip to udp dport map @udp_any
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local jump ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump ports
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr 127.0.0.0/8 ip daddr @subnets masquerade
    ip saddr @subnets ip daddr @subnets ct status dnat ct mark != ${KEEPS_SOURCE} masquerade
${networks
  .filter(({ options }) => options?.masquerade === false)
  .map(({ subnet }) => `    ip saddr ${subnet} oifname != ${own} return\n`)
  .join("")}    ip saddr @subnets oifname != ${own} masquerade
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
${[...internal, ...isolate, ...apart].join("")}  }
`;
}
