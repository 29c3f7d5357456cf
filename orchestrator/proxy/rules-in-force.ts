/**
 * Keeps the nft table of services as the cluster wants it: changes that come together make one replacement.
 * `sync` tells when everything that was known at its call is in force.
 */
import { readFileSync } from "node:fs";
import type { ServiceFlow, ServiceNetwork } from "../../runtime/service-network.ts";
import type { Cluster, WatchEvent } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import type { Clock } from "../controllers/clock.ts";
import { SLICES } from "../controllers/endpoints/plan.ts";
import { Loop } from "../controllers/loop.ts";
import { repeat } from "../controllers/repeat.ts";
import { readClients } from "./affinity.ts";
import { keyOfBackend, keyOfRoute, routesOf, type Route } from "./routes.ts";
import { serviceRules, type Client } from "./ruleset.ts";

/** What happens within this long goes into one replacement. */
const GATHER_MS = 10;
/** From one run of programs to the next: where much changes, each does more. */
const REST_MS = 200;
const LOOK_AGAIN_MS = 30_000;
const KEY = "rules";

export interface RulesOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly network: ServiceNetwork;
  readonly cidr: string;
  readonly log: (message: string) => void;
}

export class RulesInForce implements AsyncDisposable {
  readonly #options: RulesOptions;
  readonly #loop: Loop;
  readonly #watches: readonly Disposable[];
  #text: string | undefined;
  #routes: readonly Route[] = [];
  /** Changes seen, and how many of them are in force. */
  #seen = 0;
  #done = 0;
  #waiting: { readonly wanted: number; readonly resolve: () => void }[] = [];
  /** When programs were last run for a change, in milliseconds since the epoch. */
  #worked = 0;
  /** Addresses of pods that are gone. */
  readonly #gone: string[] = [];

  constructor(options: RulesOptions) {
    const { cluster, clock, log } = options;
    this.#options = options;
    this.#loop = new Loop({
      clock,
      reconcile: async () => await this.#apply(),
      onError: (_, error) => log(`services: ${messageOf(error)}`),
    });
    this.#watches = [
      ...["services", SLICES].map((resource) => cluster.watch(resource, () => this.#change())),
      cluster.watch("pods", (event) => this.#onPod(event)),
      repeat(clock, LOOK_AGAIN_MS, async () => await this.#lookAgain()),
    ];
    this.#change();
  }

  /** Resolves when everything that is known now is in force; what comes later need not be. */
  async sync(): Promise<void> {
    const wanted = this.#seen;
    if (this.#done < wanted) await new Promise<void>((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  /** The rules stay in force. Nobody waits any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** A client that never heard of a pod's end would meet its address again when it takes the same port. */
  #onPod({ type, object }: WatchEvent): void {
    if (type !== "DELETED" || object.status?.podIP === undefined || object.spec.hostNetwork === true) return;
    this.#gone.push(object.status.podIP);
    this.#change();
  }

  /** A firewall that is loaded anew may have taken all tables with it. */
  async #lookAgain(): Promise<void> {
    const table = await this.#options.network.readTable();
    if (this.#text === undefined || Object.hasOwn(table as object, "nftables")) return;
    this.#options.log("The rules of services were taken away: putting them back");
    this.#text = undefined;
    this.#change();
  }

  #change(): void {
    this.#seen++;
    this.#loop.addAfter(KEY, Math.max(GATHER_MS, this.#worked + REST_MS - this.#options.clock.now()));
  }

  async #apply(): Promise<void> {
    const { cluster, clock, network, cidr } = this.#options;
    const seen = this.#seen;
    const routes = routesOf(cluster.list("services"), cluster.list(SLICES));
    const input = { cidr, bridges: network.bridges, seesBridged: seesBridged(), routes };
    const text = serviceRules({ ...input, clients: new Map() });
    const gone = [...this.#gone];
    if (text !== this.#text || gone.length > 0) this.#worked = clock.now();
    if (text !== this.#text) {
      const clients = await this.#clients(routes);
      await network.replaceTable(clients.size === 0 ? text : serviceRules({ ...input, clients }));
      await network.forgetFlows(staleFlows(this.#routes, routes));
    }
    await network.forgetEndpoints(gone);
    this.#gone.splice(0, gone.length);
    [this.#text, this.#routes, this.#done] = [text, routes, seen];
    for (const { resolve } of this.#waiting.filter(({ wanted }) => wanted <= seen)) resolve();
    this.#waiting = this.#waiting.filter(({ wanted }) => wanted > seen);
  }

  async #clients(routes: readonly Route[]): Promise<ReadonlyMap<string, readonly Client[]>> {
    return routes.some(({ affinity }) => affinity !== undefined) ? readClients(await this.#options.network.readTable()) : new Map();
  }
}

/** Datagrams of one client are one flow for as long as they come: those to a backend that left would go there for ever. */
export function staleFlows(before: readonly Route[], after: readonly Route[]): readonly ServiceFlow[] {
  const now = new Map(after.map((route) => [keyOfRoute(route), new Set(route.backends.map(keyOfBackend))]));
  return before
    .filter(({ protocol }) => protocol === "udp")
    .flatMap((route) =>
      route.backends
        .filter((backend) => now.get(keyOfRoute(route))?.has(keyOfBackend(backend)) !== true)
        .flatMap(({ host }) => route.addresses.map((address) => ({ protocol: "udp" as const, address, port: route.port, endpoint: host }))),
    );
}

function seesBridged(): boolean {
  try {
    return readFileSync("/proc/sys/net/bridge/bridge-nf-call-iptables", "latin1").trim() === "1";
  } catch {
    return false; // no br_netfilter on this machine
  }
}
