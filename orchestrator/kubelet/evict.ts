/** Evicts a pod whose emptyDir volume outgrew its limit. Spec: Kubernetes documentation, "Local ephemeral storage". */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../cluster.ts";
import { formatTime } from "../controllers/clock.ts";
import { setCondition, type Condition } from "../controllers/conditions.ts";
import { keyOf } from "../controllers/controller.ts";
import { isActive } from "../controllers/pods.ts";
import { wholeOf } from "../schema/quantity.ts";
import type { AgentParts } from "./agent-parts.ts";
import { specOf } from "./pod-spec.ts";
import { volumePath } from "./volumes/volumes.ts";

/** A tmpfs needs none of this: its size holds by itself. */
export async function evictWhenFull({ cluster, clock, folders, recorder }: AgentParts, pod: KubeObject): Promise<void> {
  for (const volume of isActive(pod) ? (specOf(pod).volumes ?? []) : []) {
    const { medium = "", sizeLimit } = volume.emptyDir ?? {};
    if (sizeLimit === undefined || medium === "Memory") continue;
    if ((await bytesBelow(volumePath(pod, volume, folders))) <= wholeOf(sizeLimit)) continue;
    const message = `Usage of EmptyDir volume "${volume.name}" exceeds the limit "${sizeLimit}". `;
    recorder.record(pod, "Warning", "Evicted", message);
    const condition: Condition = { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message };
    const evict = (current: KubeObject): KubeObject => {
      if (current.metadata.uid !== pod.metadata.uid || !isActive(current)) return current;
      const conditions = setCondition(current.status?.conditions ?? [], condition, formatTime(clock.now()));
      return { ...current, status: { ...current.status, phase: "Failed", reason: "Evicted", message, conditions } };
    };
    await cluster.modify("pods", keyOf(pod), evict, { status: true });
    return;
  }
}

const BLOCK_BYTES = 512;

/** What it takes of the disk. What goes away meanwhile counts as nothing. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let sum = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const { blocks = 0 } = (await lstat(path).catch(() => undefined)) ?? {};
    sum += blocks * BLOCK_BYTES + (entry.isDirectory() ? await bytesBelow(path) : 0);
  }
  return sum;
}
