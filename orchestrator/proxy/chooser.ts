/** Gives each client of a route a backend: in turn, or the one that it had. */
import { keyOfBackend, type Backend, type Route } from "./routes.ts";

const SWEEP_ABOVE = 1000;

export class Chooser {
  readonly #current: () => Route | undefined;
  readonly #clients = new Map<string, { readonly backend: string; readonly until: number }>();
  #turn = 0;

  /** `current`: the route as the cluster has it at the moment of a connection. */
  constructor(current: () => Route | undefined) {
    this.#current = current;
  }

  /** One that is not in `tried`; undefined when there is none left. */
  next(client: string, tried: ReadonlySet<string>, now = Date.now()): Backend | undefined {
    const route = this.#current();
    if (route === undefined) return undefined;
    const left = route.backends.filter((backend) => !tried.has(keyOfBackend(backend)));
    const known = this.#clients.get(client);
    const same = known !== undefined && known.until > now ? left.find((backend) => keyOfBackend(backend) === known.backend) : undefined;
    const chosen = same ?? left[this.#turn++ % left.length];
    if (chosen !== undefined && route.affinity !== undefined) this.#remember(client, chosen, now + route.affinity * 1000, now);
    return chosen;
  }

  #remember(client: string, backend: Backend, until: number, now: number): void {
    if (this.#clients.size > SWEEP_ABOVE) for (const [address, known] of this.#clients) if (known.until <= now) this.#clients.delete(address);
    this.#clients.set(client, { backend: keyOfBackend(backend), until });
  }
}
