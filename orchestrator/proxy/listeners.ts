/** Where the proxy listens for a route. Decides, and does nothing. */
import { networkInterfaces } from "node:os";
import { nodeAddress } from "../kubelet/node-status.ts";
import { keyOfRoute, type Route } from "./routes.ts";

const LOOPBACK6 = "::1";

export interface WantedListener {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  readonly route: string;
}

export interface Places {
  /** Addresses of this node. */
  readonly node: readonly string[];
  /** Further ones for node ports. */
  readonly nodePorts?: readonly string[];
  /** No rules bring connections from a service's own address to its backends: the proxy listens there too. */
  readonly cluster: boolean;
}

/** A LoadBalancer at its own ports, as on a cluster of one node; both it and NodePort at their node ports. */
export function wantedListeners(route: Route, { node, nodePorts = [], cluster }: Places): readonly WantedListener[] {
  const at = (addresses: readonly string[], port: number): readonly WantedListener[] =>
    addresses.map((address) => ({ protocol: route.protocol, address, port, route: keyOfRoute(route) }));
  return [
    ...(route.type === "LoadBalancer" ? at(node, route.port) : []),
    ...(route.nodePort === undefined ? [] : at([...node, ...nodePorts], route.nodePort)),
    ...(cluster && route.backends.length > 0 ? at(route.addresses.slice(0, 1), route.port) : []) /* the kernel refuses where nobody listens */,
  ];
}

/** The address that is told, loopback and the node's own; a wildcard is all of them. */
export function nodePlaces(told: string): readonly string[] {
  return told === "0.0.0.0" || told === "::" ? [told] : [...new Set([told, "127.0.0.1", nodeAddress()])];
}

/** Where node ports are reached beside: at [::1], as ports that containers publish, where the machine has it. */
export function nodePortPlaces(told: string): readonly string[] {
  return told !== "::" && networkInterfaces()["lo"]?.some(({ address }) => address === LOOPBACK6) === true ? [LOOPBACK6] : [];
}

export function keyOfListener({ protocol, address, port }: WantedListener): string {
  return `${protocol} ${address}:${port}`;
}
