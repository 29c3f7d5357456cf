/** Takes a cluster down: the process, then every container, sandbox and folder of its pods, each pod for itself. Objects and volumes stay, unless they are to be purged. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Container, Engine } from "../runtime/engine.ts";
import { clusterFolder } from "./folders.ts";
import { Gate } from "./kubelet/gate.ts";
import { readLabels } from "./kubelet/instance-labels.ts";
import { PodFolders } from "./kubelet/pod-folder.ts";
import { type ClusterProcess, readProcess } from "./process-file.ts";
import { purgeCluster } from "./purge.ts";

export interface DownOptions {
  readonly root: string;
  readonly engine: Engine;
  /** Forget all objects too, and the data of volumes whose policy is Delete. */
  readonly purge: boolean;
  /** Ends the wait; what is done is done, and a second call goes on. */
  readonly signal: AbortSignal;
}

export interface TakenDown {
  /** Pid of the process that was ended. */
  readonly process: number | undefined;
  readonly containers: number;
  readonly pods: number;
  /** Folders of volumes that a purge left, for their policy is not Delete. */
  readonly kept: readonly string[];
}

/** The control plane closes within this, or is killed. */
const PATIENCE_MS = 15_000;
/** Seconds that a container has between its stop signal and SIGKILL at most. Pods wait at the same time, and one that has ended waits for no other. */
const STOP_SECONDS = 10;
const AT_ONCE = 8;

/** Idempotent. */
export async function takeDown({ root, engine, purge, signal }: DownOptions): Promise<TakenDown> {
  const running = readProcess(root);
  if (running !== undefined) await endProcess(running, signal);
  const folders = new PodFolders(clusterFolder(root));
  const pods = containersByPod(await engine.list(), await folders.list());
  const removals = new Gate(AT_ONCE);
  const networks = new Gate(1); // one lock is all that sandboxes wait for
  await Promise.all(
    [...pods].map(async ([uid, containers]) => {
      await Promise.all(containers.map(async ({ id, patience }) => await engine.stop(id, { timeout: patience })));
      await removals.run(async () => await Promise.all(containers.map(async ({ id }) => await engine.remove(id, { force: true }))));
      await networks.run(async () => await engine.removeSandbox(uid));
      await folders.remove(uid);
    }),
  );
  await engine.services.remove();
  await engine.sweep();
  await rm(join(clusterFolder(root), "pods"), { recursive: true, force: true });
  const kept = purge ? await purgeCluster(root) : [];
  return { process: running?.pid, containers: [...pods.values()].flat().length, pods: pods.size, kept };
}

interface Held {
  readonly id: string;
  /** Seconds between its stop signal and SIGKILL: those of its pod, but no more than `down` has. */
  readonly patience: number;
}

/** By the uid of the pod; `known` are those that have a folder, whatever else they have. */
export function containersByPod(all: readonly Container[], known: readonly string[]): ReadonlyMap<string, readonly Held[]> {
  const pods = new Map<string, Held[]>(known.map((uid) => [uid, []]));
  for (const container of all) {
    const uid = readLabels(container)?.pod.uid;
    if (uid === undefined) continue;
    const { id, options } = container.record;
    pods.set(uid, [...(pods.get(uid) ?? []), { id, patience: Math.min(options.stopTimeout ?? STOP_SECONDS, STOP_SECONDS) }]);
  }
  return pods;
}

/** Its files and its lock are free when it has gone, not when it says so. */
async function endProcess({ pid, lives }: ClusterProcess, signal: AbortSignal): Promise<void> {
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + PATIENCE_MS;
  while (lives()) {
    if (Date.now() > deadline) process.kill(pid, "SIGKILL");
    await delay(20, undefined, { signal });
  }
}
