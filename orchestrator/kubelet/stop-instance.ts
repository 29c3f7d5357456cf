/** Ends one instance: preStop, the image's stop signal, and after what is left of the grace SIGKILL. Spec: Kubernetes documentation, "Pod Lifecycle". */
import { setTimeout as delay } from "node:timers/promises";
import { CodedError } from "../../store/errors.ts";
import type { KubeObject } from "../cluster.ts";
import { fieldPath, type AgentParts } from "./agent-parts.ts";
import { runPreStop } from "./probes/hooks.ts";
import type { PodAction, StopReason } from "./plan-pod.ts";
import type { PodEntry } from "./pod-entry.ts";

type Stop = Extract<PodAction, { kind: "stop" }>;

/** However long the hook took, the program has this many seconds to end. */
const LEAST_SECONDS = 2;
/** Connections that were made just before the pod was withdrawn from its services reach it within this. */
const SETTLE_MS = 100;

export async function stopInstance(parts: AgentParts, entry: PodEntry, pod: KubeObject, { instance, grace, why }: Stop): Promise<void> {
  const held = entry.instances.get(instance.id);
  if (held?.state.kind !== "running") return;
  const started = parts.clock.now();
  held.state = { ...held.state, stopping: true, stopBy: started + Math.max(LEAST_SECONDS, grace) * 1000 };
  held.prober?.stopLiveness();
  const { container: name } = held.name;
  parts.recorder.record(pod, "Normal", "Killing", reasonText(name, why), fieldPath(pod, name));
  if (why === "deleted" && grace > 0) {
    await parts.withdrawn(pod);
    if (instance.probes.ready) await delay(SETTLE_MS);
  }
  if (grace > 0) await runPreStop(parts, entry, pod, held, grace);
  const left = grace === 0 ? 0 : Math.max(LEAST_SECONDS, grace - (parts.clock.now() - started) / 1000);
  await parts.engine.stop(instance.id, { timeout: Math.ceil(left) });
}

/** The program may end by itself meanwhile. */
export async function killInstance(parts: AgentParts, entry: PodEntry, id: string): Promise<void> {
  const held = entry.instances.get(id);
  if (held?.state.kind !== "running") return;
  held.state = { ...held.state, stopBy: parts.clock.now() }; // once is enough
  await parts.engine.kill(id, "SIGKILL").catch((error: unknown) => {
    if (!(error instanceof CodedError && error.code === "CONTAINER_STATE")) throw error;
  });
}

function reasonText(name: string, why: StopReason): string {
  switch (why) {
    case "liveness":
      return `Container ${name} failed liveness probe, will be restarted`;
    case "startup":
      return `Container ${name} failed startup probe, will be restarted`;
    case "changed":
      return `Container ${name} definition changed, will be restarted`;
    case "deadline":
    case "deleted":
    case "done":
      return `Stopping container ${name}`;
  }
}
