/** Finds what a former node agent left running: containers by their labels, sandboxes by their pod's folder. */
import type { Container } from "../../runtime/engine.ts";
import type { KubeObject } from "../cluster.ts";
import type { AgentParts } from "./agent-parts.ts";
import { keyOf } from "../controllers/controller.ts";
import { readLabels, type InstanceName } from "./instance-labels.ts";
import { PodEntry, type Held } from "./pod-entry.ts";
import { PAUSE, watchPause } from "./pause.ts";
import type { InstanceState } from "./running.ts";
import { START_FAILED } from "./start-instance.ts";
import { startProbes, watchInstance } from "./watch-instance.ts";

/** One entry for each pod that has a trace on this node; running instances are watched again. */
export async function adoptInstances(parts: AgentParts): Promise<readonly PodEntry[]> {
  const known = new Map(parts.cluster.list("pods").map((pod) => [pod.metadata.uid, pod]));
  const entries = new Map<string, PodEntry>();
  const entryOf = (uid: string, key: PodEntry["key"]): PodEntry => {
    const found = entries.get(uid) ?? newEntry(uid, key, known.get(uid));
    entries.set(uid, found);
    return found;
  };
  for (const uid of await parts.folders.list()) entryOf(uid, { namespace: undefined, name: uid });
  const containers = await parts.engine.list();
  for (const container of containers) {
    const name = readLabels(container);
    if (name === undefined) continue;
    await adopt(parts, entryOf(name.pod.uid, name.pod), container, name);
  }
  for (const entry of entries.values()) {
    entry.sandbox = await parts.engine.sandbox(entry.uid);
    for (const held of entry.instances.values()) if (held.state.kind === "running") follow(parts, entry, held);
  }
  return [...entries.values()];
}

function follow(parts: AgentParts, entry: PodEntry, held: Held): void {
  watchInstance(parts, entry, held);
  startProbes(parts, entry, held);
}

function newEntry(uid: string, { namespace, name }: PodEntry["key"], pod: KubeObject | undefined): PodEntry {
  const entry = new PodEntry(uid, pod === undefined ? { namespace, name } : keyOf(pod));
  entry.pod = pod;
  return entry;
}

/** What was made and never started is made again. */
async function adopt(parts: AgentParts, entry: PodEntry, container: Container, name: InstanceName): Promise<void> {
  const { id, imageID } = container.record;
  const state = stateOf(container);
  if (name.container === PAUSE && state.kind === "running") {
    entry.pause = Promise.resolve(id);
    watchPause(parts, entry, id);
  } else if (state.kind === "created" || name.container === PAUSE) await parts.engine.remove(id, { force: true });
  else entry.instances.set(id, { id, imageID, name, state, prober: undefined });
}

function stateOf({ record, status }: Container): InstanceState {
  const startedAt = status.startedAt ?? record.startedAt;
  switch (status.status) {
    case "creating":
    case "created": {
      const { error: message, exit } = record;
      if (message === undefined || exit === undefined) return { kind: "created" };
      return { kind: "exited", startedAt: undefined, exit: { ...exit, exitCode: START_FAILED }, reason: "StartError", message };
    }
    case "running":
    case "paused":
      return { kind: "running", startedAt: startedAt ?? record.createdAt, stopping: false };
    case "stopped":
    case "exited":
    case "restarting":
    case "dead": {
      const exit = status.exit ?? record.exit ?? { exitCode: 137, oomKilled: false, finishedAt: new Date().toISOString() };
      return { kind: "exited", startedAt, exit };
    }
  }
}
