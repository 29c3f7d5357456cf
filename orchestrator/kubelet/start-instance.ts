/** From a container's spec to a running instance: image, environment, create, start, hook, probes. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Container } from "../../runtime/engine.ts";
import type { Image } from "../../store/store.ts";
import type { KubeObject } from "../cluster.ts";
import { fieldPath, lookupFor, type AgentParts } from "./agent-parts.ts";
import { containerOptions } from "./container-options.ts";
import { environmentOf } from "./environment.ts";
import { messageOf, StartError } from "./errors.ts";
import { runHandler } from "./handler.ts";
import { ensureImage } from "./images.ts";
import { readLabels } from "./instance-labels.ts";
import type { PodAction } from "./plan-pod.ts";
import type { Held, PodEntry } from "./pod-entry.ts";
import { watchInstance } from "./watch-instance.ts";

type Start = Extract<PodAction, { kind: "start" }>;

/** @throws {StartError} with the reason that the container's status shows */
export async function startInstance(parts: AgentParts, entry: PodEntry, pod: KubeObject, start: Start): Promise<void> {
  const { container } = start;
  const path = fieldPath(pod, container.name);
  const events = {
    pulling: () => parts.recorder.record(pod, "Normal", "Pulling", `Pulling image "${container.image}"`, path),
    pulled: (message: string) => parts.recorder.record(pod, "Normal", "Pulled", message, path),
  };
  const image = await ensureImage(container, parts.images, parts.puller, events, entry.abort.signal);
  await parts.gate.run(async () => {
    entry.abort.signal.throwIfAborted();
    const made = await createInstance(parts, pod, start, image);
    parts.recorder.record(pod, "Normal", "Created", `Created container: ${container.name}`, path);
    await launch(parts, entry, made);
    parts.recorder.record(pod, "Normal", "Started", `Started container ${container.name}`, path);
  });
  await runPostStart(parts, entry, pod, start);
}

async function createInstance(parts: AgentParts, pod: KubeObject, { container, attempt, backoff }: Start, image: Image): Promise<Container> {
  const { folders, node } = parts;
  const current = parts.cluster.get("pods", { namespace: pod.metadata.namespace, name: pod.metadata.name }) ?? pod; // the address is newer than the plan
  const environment = environmentOf(current, container, lookupFor(parts.cluster, pod));
  const options = containerOptions({ pod: current, container, image, environment, attempt, backoff, folders, memory: node.memory });
  await mkdir(dirname(folders.log(pod.metadata.uid, container.name, attempt)), { recursive: true });
  const termination = folders.termination(pod.metadata.uid, container.name, attempt);
  await mkdir(dirname(termination), { recursive: true });
  await writeFile(termination, "", { mode: 0o666 });
  try {
    return await parts.engine.create(options);
  } catch (error) {
    throw new StartError("CreateContainerError", messageOf(error), { cause: error });
  }
}

async function launch(parts: AgentParts, entry: PodEntry, made: Container): Promise<void> {
  const { id, imageID } = made.record;
  const name = readLabels(made);
  if (name === undefined) throw new StartError("CreateContainerError", `Cannot start container ${id}: its labels are lost`);
  try {
    await parts.engine.start(id, { settle: "caller" });
  } catch (error) {
    await parts.engine.remove(id, { force: true });
    throw new StartError("RunContainerError", messageOf(error), { cause: error });
  }
  const held: Held = {
    id,
    imageID,
    name,
    state: { kind: "running", startedAt: new Date(parts.clock.now()).toISOString(), stopping: false },
    prober: undefined,
  };
  entry.instances.set(id, held);
  watchInstance(parts, entry, held);
}

/** The hook runs beside the entrypoint; when it fails the container is killed. */
async function runPostStart(parts: AgentParts, entry: PodEntry, pod: KubeObject, { container }: Start): Promise<void> {
  const hook = container.lifecycle?.postStart;
  const held = [...entry.instances.values()].find(({ name, state }) => name.container === container.name && state.kind === "running");
  if (hook === undefined || held === undefined) return;
  const target = { engine: parts.engine, id: held.id, address: entry.sandbox?.address, ports: container.ports ?? [] };
  const verdict = await runHandler(hook, target, POST_START_MS);
  if (verdict.ok) return;
  parts.recorder.record(pod, "Warning", "FailedPostStartHook", `PostStartHook failed: ${verdict.message}`, fieldPath(pod, container.name));
  await parts.engine.stop(held.id, { timeout: 2 });
}

/** Upstream waits for ever; nobody else would end it here. */
const POST_START_MS = 600_000;
