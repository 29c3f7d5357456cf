/** Pods, and what of them runs on the node, for the tables of the node agent. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import type { Instance, RunningPod } from "../../orchestrator/kubelet/running.ts";
import { at, meta } from "./objects.ts";

interface Spec {
  readonly restartPolicy?: string;
  readonly init?: readonly object[];
  readonly containers?: readonly object[];
  readonly deleting?: boolean;
  /** Seconds until the grace is over. */
  readonly until?: number;
  readonly grace?: number;
  readonly more?: object;
  readonly status?: object;
}

export function pod({
  restartPolicy = "Always",
  init,
  containers = [{ name: "c", image: "i:v1" }],
  deleting = false,
  until = 30,
  grace = 30,
  more = {},
  status = {},
}: Spec = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta("p", deleting ? { deletionTimestamp: at(until), deletionGracePeriodSeconds: grace } : {}),
    spec: { restartPolicy, terminationGracePeriodSeconds: 30, containers, ...(init === undefined ? {} : { initContainers: init }), ...more },
    status: { phase: "Pending", ...status },
  };
}

export const probes = { started: true, ready: true };

export function runs(container: string, more: Partial<Instance> = {}): Instance {
  return {
    id: `${container}-${more.attempt ?? 0}`,
    container,
    attempt: 0,
    backoff: 0,
    image: "i:v1",
    imageID: "sha256:1",
    state: { kind: "running", startedAt: at(-60), stopping: false },
    probes,
    ...more,
  };
}

export function ended(container: string, exitCode: number, more: Partial<Instance> & { readonly ago?: number; readonly ran?: number } = {}): Instance {
  const { ago = 1, ran = 5, ...rest } = more;
  return { ...runs(container, rest), state: { kind: "exited", startedAt: at(-ago - ran), exit: { exitCode, oomKilled: false, finishedAt: at(-ago) } } };
}

export function node(instances: readonly Instance[], more: Partial<RunningPod> = {}): RunningPod {
  return { sandbox: { address: "10.0.0.2" }, instances, busy: new Set(), problems: new Map(), ...more };
}
