/** All that the node agent holds for one pod. A plain record with a life: no decisions. */
import type { Sandbox } from "../../runtime/engine.ts";
import type { KubeObject, ObjectKey } from "../cluster.ts";
import type { InstanceName } from "./instance-labels.ts";
import type { Prober } from "./probes/prober.ts";
import type { Instance, InstanceState, Problem, RunningPod } from "./running.ts";

export interface Held {
  readonly name: InstanceName;
  readonly id: string;
  readonly imageID: string;
  state: InstanceState;
  prober: Prober | undefined;
}

export class PodEntry {
  readonly uid: string;
  readonly key: ObjectKey;
  /** As last seen; undefined after a restart until the API tells. */
  pod: KubeObject | undefined;
  sandbox: Sandbox | undefined;
  /** Id of the container that holds the process namespace of the pod, once it is made. */
  pause: Promise<string> | undefined;
  readonly instances = new Map<string, Held>();
  readonly problems = new Map<string, Problem>();
  /** Work under way by container name, and `pod`. */
  readonly work = new Map<string, Promise<void>>();
  /** Its folders are not measured again before: milliseconds since the epoch. */
  measureAfter = 0;
  /** The last write of its volumes: the next waits for it. */
  volumes: Promise<void> = Promise.resolve();
  /** Ends pulls and starts when the pod is deleted. */
  readonly abort = new AbortController();

  constructor(uid: string, key: ObjectKey) {
    this.uid = uid;
    this.key = key;
  }

  snapshot(): RunningPod {
    return {
      sandbox: this.sandbox,
      instances: [...this.instances.values()].map(describe),
      busy: new Set(this.work.keys()),
      problems: new Map(this.problems),
    };
  }
}

function describe({ id, name, imageID, state, prober }: Held): Instance {
  const { container, attempt, backoff, image } = name;
  return { id, container, attempt, backoff, image, imageID, state, probes: prober?.results ?? { started: false, ready: false } };
}
