/** The whole control plane in one process: API server, controllers, scheduler, node agent, name server, service proxy. */
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { Engine } from "../runtime/engine.ts";
import type { Images } from "../store/store.ts";
import type { UsageSource } from "./cluster.ts";
import { versionInfo } from "./api/version.ts";
import { systemClock } from "./controllers/clock.ts";
import { runController, type Controller } from "./controllers/controller.ts";
import { cronJobController } from "./controllers/cron-job/reconcile.ts";
import { deploymentController } from "./controllers/deployment/reconcile.ts";
import { ephemeralVolumes } from "./controllers/ephemeral-volume.ts";
import { disruptionController } from "./controllers/disruption/reconcile.ts";
import { daemonSetController } from "./controllers/daemon-set/reconcile.ts";
import { eventExpiry } from "./controllers/event-expiry.ts";
import { createRecorder } from "./controllers/events.ts";
import { collectGarbage } from "./controllers/garbage/reconcile.ts";
import { autoscalerController } from "./controllers/horizontal-pod-autoscaler/reconcile.ts";
import { jobOrphanPods } from "./controllers/job/orphan-pods.ts";
import { jobController } from "./controllers/job/reconcile.ts";
import { jobTimeToLive } from "./controllers/job/time-to-live.ts";
import { namespaceController } from "./controllers/namespace/reconcile.ts";
import { podGarbage } from "./controllers/pod-garbage.ts";
import { nodeLifecycleController } from "./controllers/node-lifecycle/reconcile.ts";
import type { Collaborators } from "./controllers/collaborators.ts";
import { replicaSetController, replicationController } from "./controllers/replica-set/reconcile.ts";
import { resourceQuotaController } from "./controllers/resource-quota.ts";
import { statefulSetController } from "./controllers/stateful-set/reconcile.ts";
import { volumeBinder } from "./controllers/volume-binder/reconcile.ts";
import { volumeProtection } from "./controllers/volume-protection.ts";
import { volumeProvisioner } from "./controllers/volume-provisioner/reconcile.ts";
import { clusterFolder, kubeconfigPath, volumesFolder } from "./folders.ts";
import { taintEvictionController } from "./controllers/taint-eviction/reconcile.ts";
import type { ImagePuller } from "./kubelet/images.ts";
import { startNodeAgent } from "./kubelet/node-agent.ts";
import { nodeAddress } from "./kubelet/node-status.ts";
import { readNodeMeter } from "./kubelet/usage/node-usage.ts";
import { podStreams } from "./kubelet/streams.ts";
import { UsageMeter } from "./kubelet/usage/usage-meter.ts";
import { openApi, type OpenedApi } from "./open-api.ts";
import { startServices, type ProxyMode, type Services } from "./proxy/services.ts";
import { apiRange, claimServiceRange, leaveServices } from "./service-range.ts";
import { scheduler } from "./scheduler/scheduler.ts";
import { furnishStorage } from "./storage/default-class.ts";
import { LOCAL_PROVISIONER } from "./storage/names.ts";

/** Milliseconds. */
export interface Paces {
  /** Between two readings of what nodes and pods use. */
  readonly metricResolution: number;
  /** Between two looks at an autoscaler. */
  readonly autoscalerSync: number;
  /** Without a sign of life a node is Unknown after it. */
  readonly nodeMonitorGrace: number;
}

export interface UpOptions {
  readonly root: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly nodeName: string;
  /** The address that services of type LoadBalancer tell; they and node ports are reached there, on loopback and at the node's address. */
  readonly serviceAddress: string;
  /** How connections to services' own addresses reach their pods; undefined: by nftables where the machine has it. */
  readonly proxyMode: ProxyMode | undefined;
  /** Of strata itself. */
  readonly version: string;
  readonly engine: Engine;
  readonly images: Images;
  readonly puller: ImagePuller;
  readonly paces: Paces;
  /** What goes wrong and is tried again. */
  readonly log: (message: string) => void;
}

/** Longest time between two signs of life of the node. */
const HEARTBEAT_MS = 10_000;

export interface Up extends AsyncDisposable {
  readonly url: string;
  readonly kubeconfig: string;
}

/** Resolves when the Node is Ready. Dispose ends the control plane and leaves every container running. @throws {ApiError} `ServiceUnavailable` when this root is up already */
export async function up(options: UpOptions): Promise<Up> {
  const closers: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const closer of closers.splice(0).reverse()) await closer[Symbol.asyncDispose]().then(undefined, (error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    const meter = new UsageMeter({
      engine: options.engine,
      clock: systemClock,
      node: options.nodeName,
      readNode: readNodeMeter,
      every: options.paces.metricResolution,
    });
    const range = await claimServiceRange(options.root, options.engine.services, options.log);
    const api = await openApi({
      root: options.root,
      listen: options.listen,
      usage: meter,
      onBug: (error) => options.log(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      ...apiRange(range),
    }).catch(async (error: unknown) => {
      if (range?.fresh === true) await options.engine.services.remove(); /* made for nothing */
      throw error;
    });
    closers.push(leaveServices(options.root, options.engine.services), api);
    await furnishStorage(api.cluster);
    const kubeconfig = await writeKubeconfig(options.root, api);
    await options.engine.sweep();
    const services = await startServices(api, options, range);
    closers.push(services);
    closers.push(...startControllers(api, options, meter, services));
    closers.push(await startNode(api, options, meter, services));
    return { url: api.url, kubeconfig, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startControllers(
  { cluster, authority }: OpenedApi,
  { root, nodeName, log, paces }: UpOptions,
  usage: UsageSource,
  services: Services,
): readonly AsyncDisposable[] {
  const clock = systemClock;
  const as = (component: string): Collaborators => ({ cluster, clock, recorder: createRecorder({ cluster, clock, component }) });
  const controllers: readonly Controller[] = [
    namespaceController(as("namespace-controller"), authority),
    deploymentController(as("deployment-controller")),
    replicaSetController(as("replicaset-controller")),
    replicationController(as("replication-controller")),
    statefulSetController(as("statefulset-controller")),
    daemonSetController(as("daemonset-controller")),
    jobController(as("job-controller")),
    jobOrphanPods({ cluster }),
    jobTimeToLive({ cluster, clock }),
    cronJobController(as("cronjob-controller")),
    resourceQuotaController({ cluster }),
    disruptionController(as("controllermanager")),
    nodeLifecycleController(as("node-controller"), paces.nodeMonitorGrace),
    podGarbage(as("pod-garbage-collector")),
    taintEvictionController(as("taint-eviction-controller")),
    autoscalerController(as("horizontal-pod-autoscaler"), { usage, every: paces.autoscalerSync }),
    volumeBinder(as("persistentvolume-controller")),
    volumeProvisioner(as(LOCAL_PROVISIONER), { node: nodeName, folder: volumesFolder(root) }),
    volumeProtection({ cluster }),
    ephemeralVolumes(as("ephemeral_volume")),
    eventExpiry(as("event-expiry")),
    scheduler(as("default-scheduler")),
    ...services.controllers,
  ];
  return [
    collectGarbage({ ...as("garbage-collector-controller"), log }),
    ...controllers.map((controller) => runController(cluster, controller, { clock, log })),
  ];
}

async function startNode(api: OpenedApi, options: UpOptions, meter: UsageMeter, services: Services): Promise<AsyncDisposable> {
  const { root, engine, images, puller, log, nodeName, version, paces } = options;
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
    meter,
    heartbeat: Math.min(HEARTBEAT_MS, paces.nodeMonitorGrace / 4),
    memory: totalmem(),
    log,
    withdrawn: services.withdrawn,
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
