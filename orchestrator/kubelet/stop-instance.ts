/** Ends one instance: preStop, the image's stop signal, and after what is left of the grace SIGKILL. Spec: Kubernetes documentation, "Pod Lifecycle". */
import { setTimeout as delay } from "node:timers/promises";
import type { KubeObject } from "../cluster.ts";
import { containerSpec, fieldPath, type AgentParts } from "./agent-parts.ts";
import { runHandler } from "./handler.ts";
import type { PodAction, StopReason } from "./plan-pod.ts";
import type { PodEntry } from "./pod-entry.ts";

type Stop = Extract<PodAction, { kind: "stop" }>;

/** However long the hook took, the program has this many seconds to end. */
const LEAST_SECONDS = 2;
/** Proxies stop choosing a pod when it is marked; connections that they made just before reach it within this. */
const SETTLE_MS = 100;

export async function stopInstance(parts: AgentParts, entry: PodEntry, pod: KubeObject, { instance, grace, why }: Stop): Promise<void> {
  const held = entry.instances.get(instance.id);
  if (held?.state.kind !== "running") return;
  held.state = { ...held.state, stopping: true };
  held.prober?.stopLiveness();
  const { container: name } = held.name;
  parts.recorder.record(pod, "Normal", "Killing", reasonText(name, why), fieldPath(pod, name));
  const started = parts.clock.now();
  if (why === "deleted" && grace > 0 && instance.probes.ready) await delay(SETTLE_MS);
  const hook = containerSpec(pod, name)?.lifecycle?.preStop;
  if (hook !== undefined && grace > 0) await runPreStop(parts, entry, pod, name, grace);
  const left = grace === 0 ? 0 : Math.max(LEAST_SECONDS, grace - (parts.clock.now() - started) / 1000);
  await parts.engine.stop(instance.id, { timeout: Math.ceil(left) });
}

async function runPreStop(parts: AgentParts, entry: PodEntry, pod: KubeObject, name: string, grace: number): Promise<void> {
  const container = containerSpec(pod, name);
  const hook = container?.lifecycle?.preStop;
  const held = [...entry.instances.values()].find((one) => one.name.container === name && one.state.kind === "running");
  if (container === undefined || hook === undefined || held === undefined) return;
  const target = { engine: parts.engine, id: held.id, address: entry.sandbox?.address, ports: container.ports ?? [] };
  const verdict = await runHandler(hook, target, grace * 1000);
  if (!verdict.ok) parts.recorder.record(pod, "Warning", "FailedPreStopHook", `PreStopHook failed: ${verdict.message}`, fieldPath(pod, name));
}

function reasonText(name: string, why: StopReason): string {
  switch (why) {
    case "liveness":
      return `Container ${name} failed liveness probe, will be restarted`;
    case "startup":
      return `Container ${name} failed startup probe, will be restarted`;
    case "deadline":
    case "deleted":
    case "done":
      return `Stopping container ${name}`;
  }
}
