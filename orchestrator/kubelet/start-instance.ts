/** From a container's spec to a running instance: image, environment, create, start, hook, probes. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Container } from "../../runtime/engine.ts";
import type { Image } from "../../store/store.ts";
import type { KubeObject } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { fieldPath, lookupFor, type AgentParts } from "./agent-parts.ts";
import { claimedVolumes } from "./volumes/claimed-volume.ts";
import { containerOptions } from "./container-options.ts";
import { environmentOf } from "./environment/environment.ts";
import { dnsService } from "../objects/furnish.ts";
import { StartError } from "./errors.ts";
import { runPostStart } from "./probes/hooks.ts";
import { ensureImage } from "./images.ts";
import { readLabels } from "./instance-labels.ts";
import { processNamespace } from "./pause.ts";
import type { PodAction } from "./plan-pod.ts";
import { hostResolver, resolverOf } from "./resolver.ts";
import { serviceEnvironment } from "./environment/service-environment.ts";
import type { Held, PodEntry } from "./pod-entry.ts";
import { pullLogins } from "./pull-secrets.ts";
import { seccompProfile } from "./seccomp-profile.ts";
import { startProbes, watchInstance } from "./watch-instance.ts";

type Start = Extract<PodAction, { kind: "start" }>;

/** @throws {StartError} with the reason that the container's status shows */
export async function startInstance(parts: AgentParts, entry: PodEntry, pod: KubeObject, start: Start): Promise<void> {
  const image = await findImage(parts, entry, pod, start);
  const path = fieldPath(pod, start.container.name);
  const held = await parts.gate.run(async () => {
    entry.abort.signal.throwIfAborted();
    const made = await createInstance(parts, entry, pod, start, image);
    parts.recorder.record(pod, "Normal", "Created", `Created container: ${start.container.name}`, path);
    const launched = await launch(parts, entry, made, start.container.lifecycle?.postStart !== undefined);
    parts.recorder.record(pod, "Normal", "Started", `Started container ${start.container.name}`, path);
    return launched;
  });
  await runPostStart(parts, entry, pod, held);
  if (held.state.kind === "running") startProbes(parts, entry, held);
}

async function findImage(parts: AgentParts, entry: PodEntry, pod: KubeObject, { container }: Start): Promise<Image> {
  const path = fieldPath(pod, container.name);
  const { missing, logins } = pullLogins(pod, container.image, lookupFor(parts.cluster, pod));
  const events = {
    pulling: () => {
      if (missing.length > 0)
        parts.recorder.record(
          pod,
          "Warning",
          "FailedToRetrieveImagePullSecret",
          `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
        );
      parts.recorder.record(pod, "Normal", "Pulling", `Pulling image "${container.image}"`, path);
    },
    pulled: (message: string) => parts.recorder.record(pod, "Normal", "Pulled", message, path),
  };
  return await ensureImage(container, { images: parts.images, puller: parts.puller, events, signal: entry.abort.signal, logins });
}

async function createInstance(parts: AgentParts, entry: PodEntry, pod: KubeObject, start: Start, image: Image): Promise<Container> {
  const { folders, node } = parts;
  const { container, attempt, backoff } = start;
  const current = parts.cluster.get("pods", { namespace: pod.metadata.namespace, name: pod.metadata.name }) ?? pod; // the address is newer than the plan
  const services = serviceEnvironment(pod, parts.cluster.list("services"));
  const environment = environmentOf(current, container, lookupFor(parts.cluster, pod), services);
  const resolver = resolverOf(pod, { server: parts.cluster.get("services", dnsService)?.spec.clusterIP, host: await hostResolver() });
  const seccomp = await seccompProfile(folders, pod, container);
  const claimed = claimedVolumes(current, parts.cluster);
  const given = { pod: current, container, image, environment, attempt, backoff, folders, claimed, node, seccomp, resolver };
  await mkdir(dirname(folders.log(pod.metadata.uid, container.name, attempt)), { recursive: true });
  const termination = folders.termination(pod.metadata.uid, container.name, attempt);
  await mkdir(dirname(termination), { recursive: true });
  await writeFile(termination, "", { mode: 0o666 });
  containerOptions(given); /* what the spec gets wrong is told before anything is made */
  try {
    const processes = await processNamespace(parts, entry, current, container, image);
    return await parts.engine.create(containerOptions({ ...given, ...(processes === undefined ? {} : { processes }) }));
  } catch (error) {
    throw error instanceof StartError ? error : new StartError("CreateContainerError", messageOf(error), { cause: error });
  }
}

/** One that cannot be executed has run too, and failed: it is kept, and held back as what crashes is. */
async function launch(parts: AgentParts, entry: PodEntry, made: Container, hooked: boolean): Promise<Held> {
  const { id, imageID } = made.record;
  const name = readLabels(made);
  if (name === undefined) throw new StartError("CreateContainerError", `Cannot start container ${id}: its labels are lost`);
  const held: Held = { id, imageID, name, state: { kind: "created" }, prober: undefined };
  entry.instances.set(id, held);
  const time = (): string => new Date(parts.clock.now()).toISOString();
  try {
    await parts.engine.start(id, { settle: "caller" });
  } catch (error) {
    const exit = { exitCode: START_FAILED, oomKilled: false, finishedAt: time() };
    held.state = { kind: "exited", startedAt: undefined, exit, reason: "StartError", message: messageOf(error) };
    throw new StartError("RunContainerError", `failed to start container "${name.container}": ${messageOf(error)}`, { cause: error });
  }
  held.state = { kind: "running", startedAt: time(), stopping: false, starting: hooked };
  watchInstance(parts, entry, held);
  return held;
}

/** The exit code of what never ran, as upstream's runtimes give it. */
export const START_FAILED = 128;
