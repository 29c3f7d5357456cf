/** Brings one pod from what runs to what its spec says. The shell around `planPod`: acts, remembers problems, writes the status. */
import { hostname } from "node:os";
import type { PortMapping } from "../../runtime/networks.ts";
import { CodedError } from "../../store/errors.ts";
import type { KubeObject } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { isTerminal } from "../controllers/pods.ts";
import type { Outcome } from "../controllers/loop.ts";
import { equal } from "../schema/equal.ts";
import { fieldPath, type AgentParts } from "./agent-parts.ts";
import { FRESH_MS } from "./container-status.ts";
import { StartError, type StartReason } from "./errors.ts";
import { failureEvents } from "./failure-events.ts";
import { isOverdue, planPod, type PodAction, type PodPlan } from "./plan-pod.ts";
import type { PodEntry } from "./pod-entry.ts";
import { allContainers, hostnameOf, specOf, type PodSpec } from "./pod-spec.ts";
import { OVERDUE, podStatus } from "./pod-status.ts";
import { doubled } from "./restart-backoff.ts";
import { startInstance } from "./start-instance.ts";
import { killInstance, stopInstance } from "./stop-instance.ts";
import { prepareClaims } from "./volumes/prepare-claims.ts";
import { prepareVolumes } from "./volumes/volumes.ts";

export class PodWorker {
  readonly #parts: AgentParts;
  readonly #entry: PodEntry;
  /** Instances whose back-off was told as an event. */
  readonly #told = new Set<string>();
  readonly #onGone: () => void;

  constructor(parts: AgentParts, entry: PodEntry, onGone: () => void) {
    this.#parts = parts;
    this.#entry = entry;
    this.#onGone = onGone;
  }

  async reconcile(): Promise<Outcome | void> {
    const { clock, recorder } = this.#parts;
    const stored = this.#stored();
    if (stored !== undefined) this.#entry.pod = stored;
    const pod = stored ?? this.#tombstone();
    if (pod.metadata.deletionTimestamp !== undefined) this.#entry.abort.abort();
    const running = this.#entry.snapshot();
    const plan = planPod(pod, running, clock.now());
    if (stored !== undefined && isOverdue(stored, clock.now()) && !isTerminal(stored)) recorder.record(stored, "Normal", "DeadlineExceeded", OVERDUE);
    if (stored !== undefined) await this.#writeStatus(plan);
    for (const action of plan.actions) this.#act(pod, action);
    this.#tellBackOff(pod, plan);
    return plan.wakeAt === undefined ? {} : { requeueAfter: Math.max(0, plan.wakeAt - clock.now()) };
  }

  /** The object of this very pod; another may have its name by now. */
  #stored(): KubeObject | undefined {
    const stored = this.#parts.cluster.get("pods", this.#entry.key);
    return stored?.metadata.uid === this.#entry.uid ? stored : undefined;
  }

  /** What is left of a pod that the API no longer has: to be ended at once. */
  #tombstone(): KubeObject {
    const { uid, key, pod } = this.#entry;
    const metadata = { name: key.name, ...(key.namespace === undefined ? {} : { namespace: key.namespace }), uid, resourceVersion: "", creationTimestamp: "" };
    const deletion = { deletionTimestamp: new Date(this.#parts.clock.now()).toISOString(), deletionGracePeriodSeconds: 0 };
    return { apiVersion: "v1", kind: "Pod", spec: { containers: [] }, ...pod, metadata: { ...metadata, ...pod?.metadata, ...deletion } };
  }

  async #writeStatus(plan: PodPlan): Promise<void> {
    const { cluster, node, clock } = this.#parts;
    await cluster.modify(
      "pods",
      this.#entry.key,
      (pod) => {
        if (pod.metadata.uid !== this.#entry.uid) return pod;
        const status = podStatus({ pod, running: this.#entry.snapshot(), plan, hostIP: node.address, now: clock.now() });
        return equal(status, pod.status) ? pod : { ...pod, status };
      },
      { status: true },
    );
  }

  #act(pod: KubeObject, action: PodAction): void {
    switch (action.kind) {
      case "prepare":
        return this.#work("pod", pod, async () => await this.#prepare(pod));
      case "start":
        return this.#work(action.container.name, pod, async () => await startInstance(this.#parts, this.#entry, pod, action));
      case "stop":
        return this.#work(`stop ${action.instance.id}`, pod, async () => await stopInstance(this.#parts, this.#entry, pod, action));
      case "kill":
        return this.#work(`kill ${action.instance.id}`, pod, async () => await killInstance(this.#parts, this.#entry, action.instance.id));
      case "forget":
        return this.#work(`forget ${action.instance.id}`, pod, async () => await this.#forget(action.instance.id));
      case "dismantle":
        return this.#work("pod", pod, async () => await this.#dismantle(action.purge));
    }
  }

  /** One piece of work of a name at a time; when it ends the pod is looked at again. */
  #work(name: string, pod: KubeObject, body: () => Promise<void>): void {
    const { work, problems } = this.#entry;
    if (work.has(name)) return;
    const done = body()
      .then(() => void problems.delete(name))
      .catch((error: unknown) => this.#fail(name, pod, error))
      .finally(() => {
        work.delete(name);
        this.#parts.wake(this.#entry.uid);
      });
    work.set(name, done);
  }

  #fail(name: string, pod: KubeObject, error: unknown): void {
    if (this.#entry.abort.signal.aborted && error === this.#entry.abort.signal.reason) return;
    const { clock, recorder } = this.#parts;
    const before = this.#entry.problems.get(name);
    const reason: StartReason = error instanceof StartError ? error.code : name === "pod" ? "FailedCreatePodSandBox" : "CreateContainerError";
    const now = clock.now();
    const wait = CONFIGURATION.has(reason) ? CONFIGURATION_RETRY_MS : doubled(before === undefined ? 0 : before.retryAt - before.at);
    this.#entry.problems.set(name, { reason, message: messageOf(error), at: now, retryAt: RAN.has(reason) ? now : now + wait });
    this.#parts.wake(this.#entry.uid, FRESH_MS);
    const container = allContainers(specOf(pod)).find((one) => one.name === name);
    if (container === undefined) return recorder.record(pod, "Warning", reason, messageOf(error));
    for (const { type, ...event } of failureEvents(reason, messageOf(error), container.image))
      recorder.record(pod, type, event.reason, event.message, fieldPath(pod, name));
  }

  async #prepare(pod: KubeObject): Promise<void> {
    const { engine, folders } = this.#parts;
    const spec = specOf(pod);
    await folders.prepare(pod.metadata.uid);
    await prepareClaims(pod, this.#parts.cluster);
    await prepareVolumes(this.#parts, pod);
    this.#entry.sandbox =
      (await engine.sandbox(pod.metadata.uid)) ??
      (await engine.createSandbox({
        id: pod.metadata.uid,
        hostname: spec.hostNetwork === true ? hostname() : hostnameOf(pod),
        network: spec.hostNetwork === true ? "host" : "bridge",
        ports: spec.hostNetwork === true ? [] : hostPortsOf(spec),
        sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
      }));
    await this.#writeStatus({ actions: [], crashing: new Map(), over: false, wakeAt: undefined }); // the address, which environments may read
  }

  async #forget(id: string): Promise<void> {
    const held = this.#entry.instances.get(id);
    this.#entry.instances.delete(id);
    await this.#remove(id);
    if (held !== undefined) await this.#parts.folders.removeLogs(this.#entry.uid, held.name.container, held.name.attempt);
  }

  async #dismantle(purge: boolean): Promise<void> {
    const { engine, folders, cluster } = this.#parts;
    const { uid, key, instances } = this.#entry;
    if (purge) for (const id of instances.keys()) await this.#remove(id);
    await this.#endPause();
    await engine.removeSandbox(uid);
    this.#entry.sandbox = undefined;
    if (!purge) return;
    await folders.remove(uid);
    if (this.#stored() !== undefined) await cluster.delete("pods", key, { gracePeriodSeconds: 0, preconditions: { uid } });
    this.#onGone();
  }

  async #endPause(): Promise<void> {
    const id = await this.#entry.pause?.catch(() => undefined);
    this.#entry.pause = undefined;
    if (id !== undefined) await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    try {
      await this.#parts.engine.remove(id, { force: true });
    } catch (error) {
      if (!(error instanceof CodedError && error.code === "CONTAINER_UNKNOWN")) throw error;
    }
  }

  #tellBackOff(pod: KubeObject, { crashing }: PodPlan): void {
    for (const name of crashing.keys()) {
      const newest = [...this.#entry.instances.values()]
        .filter((held) => held.name.container === name)
        .toSorted((left, right) => right.name.attempt - left.name.attempt)[0];
      if (newest === undefined || this.#told.has(newest.id)) continue;
      this.#told.add(newest.id);
      const { namespace, uid } = pod.metadata;
      this.#parts.recorder.record(
        pod,
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${name} in pod ${pod.metadata.name}_${namespace}(${uid})`,
        fieldPath(pod, name),
      );
    }
  }
}

/** These left an ended instance, which is held back as what crashes is. */
const RAN: ReadonlySet<StartReason> = new Set(["RunContainerError", "PostStartHookError"]);
/** These wait for the user, not for time: tried again at a steady pace. */
const CONFIGURATION: ReadonlySet<StartReason> = new Set(["CreateContainerConfigError", "FailedMount", "ErrImageNeverPull", "InvalidImageName"]);
const CONFIGURATION_RETRY_MS = 10_000;

function hostPortsOf({ containers }: PodSpec): readonly PortMapping[] {
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, containerPort, protocol }) =>
      hostPort === undefined || hostPort === 0
        ? []
        : [
            {
              ...(hostIP === undefined || hostIP === "" ? {} : { hostIP }),
              hostPort,
              containerPort,
              protocol: protocol === "UDP" ? ("udp" as const) : ("tcp" as const),
            },
          ],
    ),
  );
}
