/**
 * The nft table of a cluster's services, whole: each change replaces it in one transaction. Connections that are under way
 * keep their translation. Only packets of this root's bridges and of this machine's own programs meet it.
 */
import { KEEPS_SOURCE } from "../../runtime/network/ruleset.ts";
import { keyOfBackend, keyOfRoute, type Backend, type Route } from "./routes.ts";

export interface RulesetInput {
  /** Of the services' addresses. */
  readonly cidr: string;
  /** Pattern for the names of the bridges that pods are on. */
  readonly bridges: string;
  /** Answers between pods pass these rules (bridge-nf-call-iptables): then clients keep their address. */
  readonly seesBridged: boolean;
  readonly routes: readonly Route[];
  /** Clients that stay with a backend, by the name of its set. */
  readonly clients: ReadonlyMap<string, readonly Client[]>;
}

export interface Client {
  readonly address: string;
  /** Seconds. */
  readonly expires: number;
}

/** What the table holds. */
export function serviceRules(input: RulesetInput): string {
  const live = input.routes.filter(({ backends }) => backends.length > 0);
  return [...sets(live, input.clients), ...live.flatMap(routeChains), ...hooks(input)].map((line) => `  ${line}\n`).join("");
}

/** Name of the set of clients that stay with a backend. */
export function affinitySet(route: Route, backend: Backend): string {
  return `clients-${keyOfRoute(route)}-${backend.host}/${backend.port}`;
}

function sets(routes: readonly Route[], clients: RulesetInput["clients"]): readonly string[] {
  const entries = routes.flatMap((route) => route.addresses.map((address) => `${address} . ${route.protocol} . ${route.port} : goto ${chainOf(route)}`));
  const own = new Set(routes.flatMap(({ backends }) => backends.map(({ host }) => `${host} . ${host}`)));
  const affine = routes.flatMap((route) =>
    route.affinity === undefined
      ? []
      : route.backends.map((backend) => {
          const known = (clients.get(affinitySet(route, backend)) ?? []).map(
            ({ address, expires }) => `${address} timeout ${route.affinity}s expires ${expires}s`,
          );
          return `set ${affinitySet(route, backend)} { type ipv4_addr; flags dynamic,timeout; timeout ${route.affinity}s; ${elements(known)}}`;
        }),
  );
  return [
    `map services { type ipv4_addr . inet_proto . inet_service : verdict; ${elements(entries)}}`,
    `set themselves { type ipv4_addr . ipv4_addr; ${elements([...own])}}`,
    ...affine,
  ];
}

function elements(list: readonly string[]): string {
  return list.length === 0 ? "" : `elements = { ${list.join(", ")} } `;
}

function chainOf(route: Route): string {
  return `service-${keyOfRoute(route)}`;
}

function routeChains(route: Route): readonly string[] {
  return route.affinity === undefined ? spreading(route) : staying(route);
}

function spreading(route: Route): readonly string[] {
  const choices = route.backends.map(({ host, port }, index) => `${index} : ${host} . ${port}`);
  return chain(chainOf(route), [`meta l4proto ${route.protocol} dnat ip to numgen random mod ${choices.length} map { ${choices.join(", ")} }`]);
}

function staying(route: Route): readonly string[] {
  const to = (backend: Backend): string => `endpoint-${keyOfRoute(route)}-${backend.host}/${backend.port}`;
  const ends = route.backends.flatMap((backend) =>
    chain(to(backend), [`update @${affinitySet(route, backend)} { ip saddr }`, `meta l4proto ${route.protocol} dnat ip to ${keyOfBackend(backend)}`]),
  );
  const choices = route.backends.map((backend, index) => `${index} : goto ${to(backend)}`);
  return [
    ...ends,
    ...chain(chainOf(route), [
      ...route.backends.map((backend) => `ip saddr @${affinitySet(route, backend)} goto ${to(backend)}`),
      `numgen random mod ${choices.length} vmap { ${choices.join(", ")} }`,
    ]),
  ];
}

/** What is still on its way to a service after translation has nobody behind it: refused at once. Other machines are not spoken to. */
function hooks({ cidr, bridges, seesBridged }: RulesetInput): readonly string[] {
  const find = "ip daddr . meta l4proto . th dport vmap @services";
  const mark = seesBridged ? [`iifname "${bridges}" ip daddr ${cidr} ct mark set ${KEEPS_SOURCE}`] : [];
  return [
    ...chain("prerouting", ["type nat hook prerouting priority -100; policy accept;", ...mark, `iifname "${bridges}" ${find}`]),
    ...chain("output", ["type nat hook output priority -100; policy accept;", find]),
    ...chain("postrouting", [
      "type nat hook postrouting priority 99; policy accept;",
      `oifname "${bridges}" ct status dnat ip saddr . ip daddr @themselves masquerade`,
    ]),
    ...chain("refuse", ["meta l4proto tcp reject with tcp reset", "reject with icmp type port-unreachable"]),
    ...chain("enter", ["type filter hook input priority 0; policy accept;", `iifname != "lo" iifname != "${bridges}" ip daddr ${cidr} drop`]),
    ...chain("forward", ["type filter hook forward priority 0; policy accept;", `ip daddr ${cidr} goto refuse`]),
    ...chain("leave", ["type filter hook output priority 0; policy accept;", `ip daddr ${cidr} fib daddr type != local goto refuse`]),
  ];
}

function chain(name: string, rules: readonly string[]): readonly string[] {
  return [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), "}"];
}
