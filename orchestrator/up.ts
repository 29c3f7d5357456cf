/** The whole control plane in one process: API server, controllers, scheduler, node agent, service proxy. */
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { Engine } from "../runtime/engine.ts";
import type { Images } from "../store/store.ts";
import { versionInfo } from "./api/version.ts";
import { systemClock } from "./controllers/clock.ts";
import { runController, type Controller } from "./controllers/controller.ts";
import { deploymentController } from "./controllers/deployment/reconcile.ts";
import { endpointsController } from "./controllers/endpoints/reconcile.ts";
import { eventExpiry } from "./controllers/event-expiry.ts";
import { createRecorder } from "./controllers/events.ts";
import { collectGarbage } from "./controllers/garbage/reconcile.ts";
import { namespaceController } from "./controllers/namespace/reconcile.ts";
import { replicaSetController, type Collaborators } from "./controllers/replica-set/reconcile.ts";
import { clusterFolder, kubeconfigPath } from "./folders.ts";
import type { ImagePuller } from "./kubelet/images.ts";
import { startNodeAgent } from "./kubelet/node-agent.ts";
import { nodeAddress } from "./kubelet/node-status.ts";
import { podStreams } from "./kubelet/streams.ts";
import { openApi, type OpenedApi } from "./open-api.ts";
import { serviceProxy } from "./proxy/service-proxy.ts";
import { scheduler } from "./scheduler/scheduler.ts";

export interface UpOptions {
  readonly root: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly nodeName: string;
  /** Where services of type LoadBalancer and NodePort are reached. */
  readonly serviceAddress: string;
  /** Of strata itself. */
  readonly version: string;
  readonly engine: Engine;
  readonly images: Images;
  readonly puller: ImagePuller;
  /** What goes wrong and is tried again. */
  readonly log: (message: string) => void;
}

export interface Up extends AsyncDisposable {
  readonly url: string;
  readonly kubeconfig: string;
}

/** Resolves when the Node is Ready. Dispose ends the control plane and leaves every container running. @throws {ApiError} `ServiceUnavailable` when this root is up already */
export async function up(options: UpOptions): Promise<Up> {
  const closers: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer[Symbol.asyncDispose]();
  };
  try {
    const api = await openApi({
      root: options.root,
      listen: options.listen,
      onBug: (error) => options.log(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    closers.push(api);
    const kubeconfig = await writeKubeconfig(options.root, api);
    await options.engine.sweep();
    closers.push(...startControllers(api, options));
    closers.push(await startNode(api, options));
    return { url: api.url, kubeconfig, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startControllers({ cluster }: OpenedApi, { log, serviceAddress }: UpOptions): readonly AsyncDisposable[] {
  const clock = systemClock;
  const as = (component: string): Collaborators => ({ cluster, clock, recorder: createRecorder({ cluster, clock, component }) });
  const proxy = serviceProxy(as("service-proxy"), serviceAddress);
  const controllers: readonly Controller[] = [
    namespaceController(as("namespace-controller")),
    deploymentController(as("deployment-controller")),
    replicaSetController(as("replicaset-controller")),
    endpointsController(as("endpoint-slice-controller")),
    eventExpiry(as("event-expiry")),
    scheduler(as("default-scheduler")),
    proxy.controller,
  ];
  return [proxy, collectGarbage({ cluster, clock, log }), ...controllers.map((controller) => runController(cluster, controller, { clock, log }))];
}

async function startNode(api: OpenedApi, { root, engine, images, puller, log, nodeName, version }: UpOptions): Promise<AsyncDisposable> {
  const data = clusterFolder(root);
  await mkdir(data, { recursive: true });
  const facts = { name: nodeName, address: nodeAddress(), version: versionInfo()["gitVersion"] ?? "", runtimeVersion: version, data };
  const agent = await startNodeAgent({
    cluster: api.cluster,
    engine,
    images,
    puller,
    issueToken: api.issueToken,
    clock: systemClock,
    facts,
    memory: totalmem(),
    log,
  });
  api.setStreams(podStreams(engine, agent));
  return agent;
}

/** Whole or absent, and for its owner only. */
async function writeKubeconfig(root: string, api: OpenedApi): Promise<string> {
  const path = kubeconfigPath(root);
  await writeFile(`${path}.new`, api.kubeconfig(), { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
  return path;
}
