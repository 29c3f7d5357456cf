/**
 * Brings connections at this node's service ports to ready pods, in turn; where the machine has no nft also those at the services'
 * own addresses. Which pods are ready is asked anew for every connection.
 */
import { createServer, type Server } from "node:net";
import type { Cluster, KubeObject, ObjectKey } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { formatKey, keyOf, type Controller } from "../controllers/controller.ts";
import { SERVICE_LABEL, SLICES } from "../controllers/endpoints/plan.ts";
import type { Collaborators } from "../controllers/collaborators.ts";
import { equal } from "../schema/equal.ts";
import { Chooser } from "./chooser.ts";
import { forwardDatagrams } from "./forward-datagrams.ts";
import { forward } from "./forward.ts";
import { keyOfListener, wantedListeners, type Places, type WantedListener } from "./listeners.ts";
import { keyOfRoute, routesOfService, type Backend, type Route } from "./routes.ts";

export interface ProxyPlaces extends Places {
  /** The address that a LoadBalancer tells. */
  readonly told: string;
  /** Makes addresses of services this machine's own; called before the proxy listens there. */
  readonly own: (addresses: readonly string[]) => Promise<void>;
}

interface Listener {
  /** No new connection is taken; those that are open go on until their ends close them. */
  readonly close: () => void;
  /** Backends that are left. */
  readonly retain: (backends: readonly Backend[]) => void;
}

interface Listening extends Listener {
  readonly service: string;
  readonly route: string;
}

export interface ServiceProxy extends AsyncDisposable {
  readonly controller: Controller;
}

export function serviceProxy(room: Collaborators, places: ProxyPlaces): ServiceProxy {
  const listening = new Map<string, Listening>();
  return {
    controller: {
      name: "service-proxy",
      watches: {
        services: ({ object }) => [keyOf(object)],
        [SLICES]: ({ object }) => [{ namespace: object.metadata.namespace, name: object.metadata.labels?.[SERVICE_LABEL] ?? "" }],
      },
      reconcile: async (key) => await reconcile(key, room, places, listening),
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const { close } of listening.values()) close();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

async function reconcile(key: ObjectKey, { cluster, recorder }: Collaborators, places: ProxyPlaces, listening: Map<string, Listening>): Promise<void> {
  const service = cluster.get("services", key);
  const routes = currentRoutes(cluster, key);
  const wanted = routes.flatMap((route) => wantedListeners(route, places));
  for (const [name, { service: owner, route, close, retain }] of listening) {
    if (owner !== formatKey(key)) continue;
    if (wanted.some((one) => keyOfListener(one) === name && one.route === route)) {
      retain(routes.find((one) => keyOfRoute(one) === route)?.backends ?? []);
      continue;
    }
    listening.delete(name);
    close();
  }
  if (places.cluster) await places.own(clusterAddresses(cluster));
  const failures: unknown[] = [];
  for (const one of wanted) {
    if (listening.get(keyOfListener(one))?.service === formatKey(key)) continue;
    try {
      listening.set(keyOfListener(one), { service: formatKey(key), route: one.route, ...(await listen(cluster, key, one)) });
    } catch (error) {
      failures.push(error);
      const found = messageOf(error);
      if (service !== undefined) recorder.record(service, "Warning", "FailedToListen", `Cannot listen on ${one.address}:${one.port}: ${found}`);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
  if (service !== undefined) await tellAddress(cluster, service, places.told);
}

function currentRoutes(cluster: Cluster, { namespace, name }: ObjectKey): readonly Route[] {
  const service = cluster.get("services", { namespace, name });
  const slices = cluster.list(SLICES, namespace).filter(({ metadata }) => metadata.labels?.[SERVICE_LABEL] === name);
  return service === undefined ? [] : routesOfService(service, slices);
}

function clusterAddresses(cluster: Cluster): readonly string[] {
  return cluster.list("services").flatMap(({ spec }) => (spec.clusterIP === undefined || spec.clusterIP === "None" ? [] : [spec.clusterIP]));
}

async function listen(cluster: Cluster, key: ObjectKey, { protocol, address, port, route }: WantedListener): Promise<Listener> {
  const chooser = new Chooser(() => currentRoutes(cluster, key).find((one) => keyOfRoute(one) === route));
  if (protocol === "udp") {
    const forwarder = await forwardDatagrams(address, port, (client) => chooser.next(client, new Set()));
    return { close: () => forwarder[Symbol.dispose](), retain: (backends) => forwarder.retain(backends) };
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const { remoteAddress = "" } = client;
    void forward(client, (tried) => chooser.next(remoteAddress, tried));
  });
  await bind(server, address, port);
  return { close: () => void server.close(), retain: () => {} };
}

async function bind(server: Server, address: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function tellAddress(cluster: Cluster, service: KubeObject, address: string): Promise<void> {
  const isBalanced = service.spec?.type === "LoadBalancer";
  if (!isBalanced && service.status?.loadBalancer?.ingress === undefined) return;
  const loadBalancer = isBalanced ? { ingress: [{ ip: address, ipMode: "Proxy" }] } : {};
  await cluster.modify(
    "services",
    keyOf(service),
    (current) => (equal(current.status?.loadBalancer, loadBalancer) ? current : { ...current, status: { ...current.status, loadBalancer } }),
    { status: true },
  );
}
