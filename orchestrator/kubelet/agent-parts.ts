/** What the pieces of the node agent share. */
import type { Engine } from "../../runtime/engine.ts";
import type { Images } from "../../store/store.ts";
import type { Cluster, KubeObject } from "../cluster.ts";
import type { Clock } from "../controllers/clock.ts";
import type { Recorder } from "../controllers/events.ts";
import type { Lookup } from "./environment/environment.ts";
import type { Gate } from "./gate.ts";
import type { ImagePuller } from "./images.ts";
import type { NodeMemory } from "./oom-score.ts";
import type { PodFolders } from "./pod-folder.ts";
import type { IssueToken } from "./service-account-token.ts";
import { allContainers, specOf } from "./pod-spec.ts";

export interface AgentParts {
  readonly cluster: Cluster;
  readonly engine: Engine;
  readonly images: Images;
  readonly puller: ImagePuller;
  readonly issueToken: IssueToken;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly folders: PodFolders;
  readonly node: { readonly name: string; readonly address: string } & NodeMemory;
  /** Starting containers is heavy: only so many at once. */
  readonly gate: Gate;
  /** Aborted when the agent ends: containers go on, but nobody waits for them here. */
  readonly ending: AbortSignal;
  /** Resolves when no new connection is sent to the pod by way of a service. */
  readonly withdrawn: (pod: KubeObject) => Promise<void>;
  /** Look at this pod again. */
  readonly wake: (uid: string, afterMs?: number) => void;
}

export function lookupFor(cluster: Cluster, pod: KubeObject): Lookup {
  return (resource, name) => cluster.get(resource, { namespace: pod.metadata.namespace, name });
}

/** How events name a container. */
export function fieldPath(pod: KubeObject, container: string): string {
  const { initContainers = [], ephemeralContainers = [] } = specOf(pod);
  const isIn = (some: readonly { readonly name: string }[]): boolean => some.some(({ name }) => name === container);
  const list = isIn(initContainers) ? "initContainers" : isIn(ephemeralContainers) ? "ephemeralContainers" : "containers";
  return `spec.${list}{${container}}`;
}

export function containerSpec(pod: KubeObject, name: string): ReturnType<typeof allContainers>[number] | undefined {
  return allContainers(specOf(pod)).find((container) => container.name === name);
}
