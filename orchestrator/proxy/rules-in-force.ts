/**
 * Keeps the nft table of services as the cluster wants it: changes that come together make one replacement.
 * `sync` tells when everything that was known at its call is in force.
 */
import { readFileSync } from "node:fs";
import type { ServiceFlow, ServiceNetwork } from "../../runtime/service-network.ts";
import type { Cluster, WatchEvent } from "../cluster.ts";
import type { Clock } from "../controllers/clock.ts";
import { Loop } from "../controllers/loop.ts";
import { readClients } from "./affinity.ts";
import { keyOfBackend, routesOf, type Route } from "./routes.ts";
import { serviceRules, type Client } from "./ruleset.ts";

const SLICES = "endpointslices.discovery.k8s.io";
/** What happens within this long goes into one replacement. */
const GATHER_MS = 10;
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
  readonly #waiting = new Set<() => void>();
  /** Addresses of pods that are gone. */
  #gone: string[] = [];
  #timer: Disposable | undefined;
  #ended = false;

  constructor(options: RulesOptions) {
    const { cluster, clock, log } = options;
    this.#options = options;
    this.#loop = new Loop({
      clock,
      reconcile: async () => await this.#apply(),
      onError: (_, error) => log(`services: ${error instanceof Error ? error.message : String(error)}`),
    });
    this.#watches = [
      ...["services", SLICES].map((resource) => cluster.watch(resource, () => this.#change())),
      cluster.watch("pods", (event) => this.#onPod(event)),
    ];
    this.#change();
    this.#lookAgain();
  }

  /** Whether all that the cluster says is in force. */
  get isCurrent(): boolean {
    return this.#done === this.#seen;
  }

  /** Calls after each replacement. */
  onApplied(listener: () => void): Disposable {
    this.#waiting.add(listener);
    return { [Symbol.dispose]: () => void this.#waiting.delete(listener) };
  }

  /** The rules stay in force. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  /** A client that never heard of a pod's end would meet its address again when it takes the same port. */
  #onPod({ type, object }: WatchEvent): void {
    if (type !== "DELETED" || object.status?.podIP === undefined || object.spec.hostNetwork === true) return;
    this.#gone.push(object.status.podIP);
    this.#change();
  }

  /** A firewall that is loaded anew may have taken all tables with it. */
  #lookAgain(): void {
    const { clock, network, log } = this.#options;
    if (this.#ended) return;
    this.#timer = clock.after(LOOK_AGAIN_MS, () => {
      void network
        .readTable()
        .then((table) => {
          if (this.#text === undefined || Object.hasOwn(table as object, "nftables")) return;
          log("The rules of services were taken away: putting them back");
          this.#text = undefined;
          this.#change();
        })
        .finally(() => this.#lookAgain());
    });
  }

  #change(): void {
    this.#seen++;
    this.#loop.addAfter(KEY, GATHER_MS);
  }

  async #apply(): Promise<void> {
    const { cluster, network, cidr } = this.#options;
    const seen = this.#seen;
    const routes = routesOf(cluster.list("services"), cluster.list(SLICES));
    const input = { cidr, bridges: network.bridges, seesBridged: seesBridged(), routes };
    const text = serviceRules({ ...input, clients: new Map() });
    if (text !== this.#text) {
      const clients = await this.#clients(routes);
      await network.replaceTable(clients.size === 0 ? text : serviceRules({ ...input, clients }));
      await network.forgetFlows(staleFlows(this.#routes, routes));
    }
    await network.forgetEndpoints(this.#gone.splice(0));
    [this.#text, this.#routes, this.#done] = [text, routes, seen];
    for (const listener of this.#waiting) listener();
  }

  async #clients(routes: readonly Route[]): Promise<ReadonlyMap<string, readonly Client[]>> {
    return routes.some(({ affinity }) => affinity !== undefined) ? readClients(await this.#options.network.readTable()) : new Map();
  }
}

/** Datagrams of one client are one flow for as long as they come: those to a backend that left would go there for ever. */
export function staleFlows(before: readonly Route[], after: readonly Route[]): readonly ServiceFlow[] {
  const now = new Map(after.map((route) => [`${route.name}/${route.protocol}`, new Set(route.backends.map(keyOfBackend))]));
  return before
    .filter(({ protocol }) => protocol === "udp")
    .flatMap((route) =>
      route.backends
        .filter((backend) => now.get(`${route.name}/${route.protocol}`)?.has(keyOfBackend(backend)) !== true)
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
