/** What makes service names and addresses work on this node: controllers, the proxy, the name server, and the rules where the machine has nft. */
import type { Cluster } from "../cluster.ts";
import { systemClock } from "../controllers/clock.ts";
import type { Controller } from "../controllers/controller.ts";
import { mirrorController } from "../controllers/endpoints/mirror.ts";
import { endpointsController } from "../controllers/endpoints/reconcile.ts";
import { createRecorder } from "../controllers/events.ts";
import { answerer } from "../dns/answer.ts";
import { serveNames } from "../dns/server.ts";
import { hostUpstream } from "../dns/upstream.ts";
import { isWithin } from "../objects/service-addresses.ts";
import type { Collaborators } from "../controllers/collaborators.ts";
import type { ServiceNetwork, ServiceRange } from "../../runtime/service-network.ts";
import { nodePlaces, nodePortPlaces } from "./listeners.ts";
import { RulesInForce } from "./rules-in-force.ts";
import { serviceProxy } from "./service-proxy.ts";
import { withdrawal, type Withdrawal } from "./withdrawal.ts";

export type ProxyMode = "nftables" | "userspace";

export interface Services extends Withdrawal, AsyncDisposable {
  readonly controllers: readonly Controller[];
}

const NAMES_PORT = 53;

interface ServicesOptions {
  readonly engine: { readonly services: ServiceNetwork };
  readonly serviceAddress: string;
  readonly proxyMode: ProxyMode | undefined;
  readonly log: (message: string) => void;
}

/** Without a range services are reached at the node's ports only, and names are not served. */
export async function startServices(
  { cluster }: { readonly cluster: Cluster },
  { engine, serviceAddress, proxyMode, log }: ServicesOptions,
  range: ServiceRange | undefined,
): Promise<Services> {
  const network = engine.services;
  const usesRules = range !== undefined && (proxyMode ?? (network.hasRules() ? "nftables" : "userspace")) === "nftables";
  const as = (component: string): Collaborators => ({
    cluster,
    clock: systemClock,
    recorder: createRecorder({ cluster, clock: systemClock, component }),
  });
  const proxy = serviceProxy(as("service-proxy"), {
    node: nodePlaces(serviceAddress),
    nodePorts: nodePortPlaces(serviceAddress),
    cluster: range !== undefined && !usesRules,
    told: serviceAddress,
    own: async (addresses) => void (range !== undefined && (await network.addresses(range.cidr, addresses))),
  });
  if (range !== undefined) await leaveOtherMode(network, range, usesRules);
  const names =
    range &&
    (await serveNames(
      range.address,
      NAMES_PORT,
      answerer(
        cluster,
        hostUpstream((address) => isWithin(range.cidr, address)),
      ),
    ));
  const rules = usesRules ? new RulesInForce({ cluster, clock: systemClock, network, cidr: range.cidr, log }) : undefined;
  return {
    controllers: [endpointsController(as("endpoint-slice-controller")), mirrorController(as("endpoint-slice-mirroring-controller")), proxy.controller],
    ...withdrawal(cluster, rules),
    async [Symbol.asyncDispose](): Promise<void> {
      await rules?.[Symbol.asyncDispose]();
      await names?.[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** The link carries single addresses, or the table leads from them: what a process before this one did the other way goes. */
async function leaveOtherMode(network: ServiceNetwork, { cidr }: ServiceRange, usesRules: boolean): Promise<void> {
  if (usesRules) await network.addresses(cidr, []);
  else if (network.hasRules()) await network.replaceTable(undefined);
}
