/** The hooks of a container's life. Spec: Kubernetes documentation, "Container Lifecycle Hooks". */
import type { KubeObject } from "../../cluster.ts";
import { containerSpec, fieldPath, type AgentParts } from "../agent-parts.ts";
import { runHandler, type Target } from "./handler.ts";
import type { Held, PodEntry } from "../pod-entry.ts";
import { graceOf, type Handler } from "../pod-spec.ts";
import type { Verdict } from "./verdict.ts";

/** Upstream waits for ever; nobody else would end it here. */
const POST_START_MS = 600_000;

/** Runs beside the entrypoint; the container counts as started when it is done, and is killed when it fails. */
export async function runPostStart(parts: AgentParts, entry: PodEntry, pod: KubeObject, held: Held): Promise<void> {
  const hook = containerSpec(pod, held.name.container)?.lifecycle?.postStart;
  if (hook === undefined) return;
  const verdict = await runHook(parts, entry, pod, held, hook, POST_START_MS);
  if (held.state.kind !== "running") return;
  const path = fieldPath(pod, held.name.container);
  if (!verdict.ok) {
    parts.recorder.record(pod, "Warning", "FailedPostStartHook", `PostStartHook failed: ${verdict.message}`, path);
    if (held.state.stopping) return;
    parts.recorder.record(pod, "Normal", "Killing", "FailedPostStartHook", path);
    await parts.engine.stop(held.id, { timeout: graceOf(pod) });
    return;
  }
  held.state = { ...held.state, starting: false };
}

/** Counts against the grace. */
export async function runPreStop(parts: AgentParts, entry: PodEntry, pod: KubeObject, held: Held, grace: number): Promise<void> {
  const hook = containerSpec(pod, held.name.container)?.lifecycle?.preStop;
  if (hook === undefined) return;
  const verdict = await runHook(parts, entry, pod, held, hook, grace * 1000);
  if (verdict.ok) return;
  parts.recorder.record(pod, "Warning", "FailedPreStopHook", `PreStopHook failed: ${verdict.message}`, fieldPath(pod, held.name.container));
}

async function runHook(parts: AgentParts, entry: PodEntry, pod: KubeObject, held: Held, hook: Handler, timeout: number): Promise<Verdict> {
  return await runHandler(hook, targetOf(parts, entry, pod, held), timeout);
}

/** Where handlers of this instance, hooks and probes alike, find it. */
export function targetOf({ engine }: AgentParts, entry: PodEntry, pod: KubeObject, held: Held): Target {
  const address = pod.spec.hostNetwork === true ? "127.0.0.1" : entry.sandbox?.address;
  return { engine, id: held.id, address, ports: containerSpec(pod, held.name.container)?.ports ?? [] };
}
