/** Whose processes a container sees: its own, its pod's (`shareProcessNamespace`), or those of the container that it was put in to debug. */
import type { Image } from "../../store/store.ts";
import type { KubeObject } from "../cluster.ts";
import type { AgentParts } from "./agent-parts.ts";
import { StartError } from "./errors.ts";
import { instanceLabels } from "./instance-labels.ts";
import type { PodEntry } from "./pod-entry.ts";
import { hostnameOf, specOf, type ContainerSpec } from "./pod-spec.ts";

/** As upstream has it: the last to be ended. */
const PAUSE_SCORE = -998;
/** How the labels name the container that holds a pod's process namespace; no container of a spec may be called so. */
export const PAUSE = "POD";

/** Id of the container to join; undefined for a namespace of its own, or the host's. @throws {StartError} `CreateContainerError` */
export async function processNamespace(
  parts: AgentParts,
  entry: PodEntry,
  pod: KubeObject,
  { targetContainerName }: ContainerSpec,
  image: Image,
): Promise<string | undefined> {
  const { shareProcessNamespace, hostPID } = specOf(pod);
  if (hostPID === true) return undefined;
  if (shareProcessNamespace === true) return await (entry.pause ??= startPause(parts, entry, pod, image));
  if (targetContainerName === undefined || targetContainerName === "") return undefined;
  const target = [...entry.instances.values()].find(({ name, state }) => name.container === targetContainerName && state.kind === "running");
  if (target === undefined) throw new StartError("CreateContainerError", `unable to find target container ${targetContainerName}`);
  return target.id;
}

/** Process 1 of the pod: reaps, and otherwise sleeps. The next container to start makes a new one when it has ended. */
async function startPause(parts: AgentParts, entry: PodEntry, pod: KubeObject, image: Image): Promise<string> {
  const { engine } = parts;
  const { namespace, name, uid } = pod.metadata;
  try {
    const { record } = await engine.create({
      image,
      name: `k8s_${PAUSE}_${name}_${namespace}_${uid}_${parts.clock.now()}`,
      init: "pause",
      command: [PAUSE] /* for the record; process 1 runs nothing */,
      hostname: hostnameOf(pod),
      labels: instanceLabels({ pod, container: { name: PAUSE, image: "" }, attempt: 0, backoff: 0 }),
      network: { kind: "sandbox", id: uid },
      limits: { oomScoreAdj: Math.max(PAUSE_SCORE, parts.node.leastScore) },
    });
    await engine.start(record.id, { settle: "caller" });
    watchPause(parts, entry, record.id);
    return record.id;
  } catch (error) {
    entry.pause = undefined;
    throw error;
  }
}

/** Ends by itself when the pause or the agent does. */
export function watchPause({ engine, ending }: AgentParts, entry: PodEntry, id: string): void {
  void (async (): Promise<void> => {
    await engine.wait(id, { signal: ending }).catch(() => {});
    if (ending.aborted) return;
    entry.pause = undefined;
    await engine.remove(id, { force: true }).catch(() => {});
  })();
}
