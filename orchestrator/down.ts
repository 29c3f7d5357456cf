/** Takes a cluster down: the process, then every container, sandbox and folder of its pods. Objects and volumes stay, unless they are to be purged. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Engine } from "../runtime/engine.ts";
import { clusterFolder } from "./folders.ts";
import { Gate } from "./kubelet/gate.ts";
import { readLabels } from "./kubelet/instance-labels.ts";
import { PodFolders } from "./kubelet/pod-folder.ts";
import { readProcessFile } from "./process-file.ts";
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
/** Seconds that a container has between its stop signal and SIGKILL. */
const STOP_SECONDS = 10;
const AT_ONCE = 8;

/** Idempotent. */
export async function takeDown({ root, engine, purge, signal }: DownOptions): Promise<TakenDown> {
  const pid = readProcessFile(root);
  if (pid !== undefined) await endProcess(pid, () => readProcessFile(root) === pid, signal);
  const folders = new PodFolders(clusterFolder(root));
  const uids = new Set(await folders.list());
  const containers = (await engine.list()).flatMap((container) => {
    const name = readLabels(container);
    if (name === undefined) return [];
    uids.add(name.pod.uid);
    return [container.record.id];
  });
  await Promise.all(containers.map(async (id) => await engine.stop(id, { timeout: STOP_SECONDS }))); // all wait in the same seconds
  const gate = new Gate(AT_ONCE);
  await Promise.all(containers.map(async (id) => await gate.run(async () => await engine.remove(id, { force: true }))));
  for (const uid of uids) {
    await engine.removeSandbox(uid);
    await folders.remove(uid);
  }
  await engine.services.remove();
  await engine.sweep();
  await rm(join(clusterFolder(root), "pods"), { recursive: true, force: true });
  const kept = purge ? await purgeCluster(root) : [];
  return { process: pid, containers: containers.length, pods: uids.size, kept };
}

async function endProcess(pid: number, lives: () => boolean, signal: AbortSignal): Promise<void> {
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + PATIENCE_MS;
  while (lives()) {
    if (Date.now() > deadline) process.kill(pid, "SIGKILL");
    await delay(20, undefined, { signal });
  }
}
