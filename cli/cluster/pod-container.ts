/** `pod/web`, `deploy/web` → the container on this machine that is meant, chosen as kubectl chooses. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { isReady, maxRestarts, readySince } from "../../orchestrator/controllers/pods.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { resourceOfKind } from "../../orchestrator/schema/resources.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { connectCluster, readTargets } from "./connect.ts";

export interface PodChoice {
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  /** The one before, which has ended. */
  readonly previous?: boolean;
  /** Do not tell which of several pods it is. */
  readonly quiet?: boolean;
  /** Of pods that are alike the one that restarted most, for its logs say why; else the one that restarted least. */
  readonly restarted?: boolean;
}

interface Named {
  readonly name: string;
}

interface Status extends Named {
  readonly containerID?: string;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
  readonly lastState?: { readonly terminated?: { readonly containerID?: string } };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly Named[]; readonly initContainers?: readonly Named[] };
  readonly status: { readonly phase?: string; readonly containerStatuses?: readonly Status[]; readonly initContainerStatuses?: readonly Status[] };
}

const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** Its id. @throws {ClientError} `NOT_FOUND` @throws {ExitError} for a container that is not there, or not yet */
export async function containerOf(context: Context, word: string, choice: PodChoice): Promise<string> {
  const { namespace = "default", container, previous = false, quiet = false, restarted = false } = choice;
  using client = connectCluster(context);
  const [{ kind, name } = { kind: "", name: undefined }] = readTargets([word]);
  const resource = resourceByWord(kind);
  const object = await client.get({ path: pathOf(resource, namespace, name) });
  const pod =
    resource.resource === "pods"
      ? (object as unknown as Pod)
      : await podOf(context, client, { word, namespace, quiet, restarted, selector: object.spec?.selector });
  const chosen = container ?? chooseContainer(context, pod);
  const { name: podName } = pod.metadata;
  if (![...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some((one) => one.name === chosen))
    throw new ExitError(EXIT.refused, `container ${chosen} is not valid for pod ${podName}`);
  const status = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])].find((one) => one.name === chosen);
  const id = previous ? status?.lastState?.terminated?.containerID : status?.containerID;
  if (id !== undefined && id !== "") return id.replace(/^\w+:\/\//, "");
  if (previous) throw new ExitError(EXIT.refused, `previous terminated container "${chosen}" in pod "${podName}" not found`);
  const reason = status?.state?.waiting?.reason ?? "ContainerCreating";
  throw new ExitError(EXIT.refused, `container "${chosen}" in pod "${podName}" is waiting to start: ${reason}`);
}

interface Owner {
  readonly word: string;
  readonly quiet: boolean;
  readonly restarted: boolean;
  readonly namespace: string;
  /** Of services a map of labels, of the others one with `matchLabels`. */
  readonly selector: (Readonly<Record<string, string>> & { readonly matchLabels?: Readonly<Record<string, string>> }) | undefined;
}

async function podOf({ stderr }: Context, client: KubeClient, { word, namespace, quiet, restarted, selector }: Owner): Promise<Pod> {
  const labels = selector?.matchLabels ?? selector ?? {};
  const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (wanted.length === 0) throw new ExitError(EXIT.refused, `Cannot find a pod of ${word}: it selects none by labels`);
  const path = pathOf(resourceOfKind("v1", "Pod")!, namespace);
  const { items } = await client.list({ path: `${path}?${new URLSearchParams({ labelSelector: wanted.join(",") }).toString()}` });
  const [pod] = items.toSorted(byPreference(restarted)) as unknown as readonly Pod[];
  if (pod === undefined) throw new ExitError(EXIT.refused, `Cannot find a pod of ${word}: there is none`);
  if (items.length > 1 && !quiet) stderr.write(`Found ${items.length} pods, using pod/${pod.metadata.name}\n`);
  return pod;
}

/** One that runs, is ready, and has been for longest; the oldest of those that are alike. */
function byPreference(restarted: boolean): (left: KubeObject, right: KubeObject) => number {
  const ranks: readonly ((pod: KubeObject) => number)[] = [
    (pod) => (pod.status?.phase === "Running" ? 0 : 1),
    (pod) => (isReady(pod) ? 0 : 1),
    readySince,
    (pod) => (restarted ? -maxRestarts(pod) : maxRestarts(pod)),
    (pod) => Date.parse(pod.metadata.creationTimestamp),
  ];
  return (left, right) => ranks.map((rank) => rank(left) - rank(right)).find((difference) => difference !== 0) ?? 0;
}

function chooseContainer({ stderr }: Context, { metadata, spec }: Pod): string {
  const named = metadata.annotations?.[DEFAULT_CONTAINER];
  if (named !== undefined && spec.containers.some(({ name }) => name === named)) return named;
  const all = [...spec.containers.map(({ name }) => name), ...(spec.initContainers ?? []).map(({ name }) => `${name} (init)`)];
  const first = spec.containers[0]?.name ?? "";
  if (all.length > 1) stderr.write(`Defaulted container "${first}" out of: ${all.join(", ")}\n`);
  return first;
}
