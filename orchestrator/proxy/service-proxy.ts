/**
 * Brings connections at this node's service ports to ready pods, in turn. Which pods are ready is asked anew for every connection,
 * so that a pod that is being deleted gets none from that very moment.
 */
import { createServer, type Server } from "node:net";
import type { Cluster, KubeObject, ObjectKey } from "../cluster.ts";
import { formatKey, keyOf, type Controller } from "../controllers/controller.ts";
import type { ServicePort } from "../controllers/endpoints/plan.ts";
import type { Collaborators } from "../controllers/replica-set/reconcile.ts";
import { equal } from "../schema/equal.ts";
import { backendsOf, type Backend } from "./backends.ts";
import { forward } from "./forward.ts";
import { wantedListeners } from "./listeners.ts";

interface Listening {
  readonly service: string;
  readonly server: Server;
}

export interface ServiceProxy extends AsyncDisposable {
  readonly controller: Controller;
}

/** `address`: of the node, where services are reached. */
export function serviceProxy(room: Collaborators, address: string): ServiceProxy {
  const listening = new Map<number, Listening>();
  return {
    controller: {
      name: "service-proxy",
      watches: { services: ({ object }) => [keyOf(object)] },
      reconcile: async (key) => await reconcile(key, room, address, listening),
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([...listening.values()].map(async ({ server }) => await close(server)));
    },
  };
}

async function reconcile(key: ObjectKey, room: Collaborators, address: string, listening: Map<number, Listening>): Promise<void> {
  const { cluster, recorder } = room;
  const service = cluster.get("services", key);
  const wanted = service === undefined ? [] : wantedListeners(service);
  for (const [port, { service: owner, server }] of listening) {
    if (owner !== formatKey(key) || wanted.some(({ listenPort }) => listenPort === port)) continue;
    listening.delete(port);
    await close(server);
  }
  const failures: unknown[] = [];
  for (const { listenPort, port } of wanted) {
    if (listening.get(listenPort)?.service === formatKey(key)) continue;
    try {
      listening.set(listenPort, { service: formatKey(key), server: await listen(cluster, key, port, { address, port: listenPort }) });
    } catch (error) {
      failures.push(error);
      if (service !== undefined)
        recorder.record(
          service,
          "Warning",
          "FailedToListen",
          `Cannot listen on ${address}:${listenPort}: ${error instanceof Error ? error.message : String(error)}`,
        );
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
  if (service?.spec?.type === "LoadBalancer") await tellAddress(cluster, service, address);
}

async function listen(cluster: Cluster, key: ObjectKey, port: ServicePort, at: { readonly address: string; readonly port: number }): Promise<Server> {
  let turn = 0;
  const next = (tried: ReadonlySet<string>): Backend | undefined => {
    const service = cluster.get("services", key);
    const current: readonly ServicePort[] = service?.spec?.ports ?? [];
    const found = current.find(({ name, port: number }) => (name ?? "") === (port.name ?? "") && number === port.port);
    if (service === undefined || found === undefined) return undefined;
    const left = backendsOf(service, found, cluster.list("pods", key.namespace)).filter(({ uid }) => !tried.has(uid));
    return left[turn++ % left.length];
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void forward(client, next));
  return await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at.port, at.address, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

async function tellAddress(cluster: Cluster, service: KubeObject, address: string): Promise<void> {
  const loadBalancer = { ingress: [{ ip: address, ipMode: "Proxy" }] };
  await cluster.modify(
    "services",
    keyOf(service),
    (current) => (equal(current.status?.loadBalancer, loadBalancer) ? current : { ...current, status: { ...current.status, loadBalancer } }),
    { status: true },
  );
}

/** Takes no new connection; those that are open go on until their ends close them. */
async function close(server: Server): Promise<void> {
  server.close();
  await new Promise((resolve) => setImmediate(resolve));
}
