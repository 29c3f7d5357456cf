/**
 * The node agent: runs the pods that the scheduler gave to this node. Containers outlive it: a new one finds them by their labels
 * and goes on, restarting nothing.
 */
import { setMaxListeners } from "node:events";
import type { KubeObject, WatchEvent } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { keyOf } from "../controllers/controller.ts";
import { createRecorder } from "../controllers/events.ts";
import { Loop } from "../controllers/loop.ts";
import { repeat } from "../controllers/repeat.ts";
import { CLAIMS, VOLUMES } from "../storage/names.ts";
import { equal } from "../schema/equal.ts";
import type { AgentParts } from "./agent-parts.ts";
import { adoptInstances } from "./adopt.ts";
import { Gate } from "./gate.ts";
import { evictWhenFull } from "./evict.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { leastScore } from "./oom-score.ts";
import { PodEntry } from "./pod-entry.ts";
import { PodFolders } from "./pod-folder.ts";
import { PodWorker } from "./pod-worker.ts";
import type { NodeFacts } from "./node-status.ts";
import type { MeterTarget, UsageMeter } from "./usage/usage-meter.ts";
import { refreshVolumes, shows } from "./volumes/volumes.ts";

/** Starting a container takes a few processes: more at once only queue for the processor. */
const STARTS_AT_ONCE = 4;
const WORKERS = 16;

export interface NodeAgentOptions extends Pick<AgentParts, "cluster" | "engine" | "images" | "puller" | "issueToken" | "clock" | "withdrawn"> {
  readonly facts: NodeFacts;
  readonly meter: UsageMeter;
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
  /** Bytes. */
  readonly memory: number;
  readonly log: (message: string) => void;
}

export interface NodeAgent extends AsyncDisposable {
  /** What the agent holds for a pod of this uid. */
  entry(uid: string): PodEntry | undefined;
}

/** Resolves when the Node is Ready. Dispose leaves everything running. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const agent = new Agent(options);
  await agent.start();
  return agent;
}

class Agent implements NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #parts: AgentParts;
  readonly #loop: Loop;
  readonly #entries = new Map<string, { readonly entry: PodEntry; readonly worker: PodWorker }>();
  readonly #watches: Disposable[] = [];
  readonly #ending = new AbortController();

  constructor(options: NodeAgentOptions) {
    const { cluster, engine, images, puller, issueToken, clock, facts, memory, withdrawn } = options;
    this.#options = options;
    setMaxListeners(0, this.#ending.signal); /* one for each container */
    this.#loop = new Loop({
      clock,
      workers: WORKERS,
      reconcile: async (uid) => await this.#entries.get(uid)?.worker.reconcile(),
      onError: (uid, error) => options.log(`pod ${uid}: ${messageOf(error)}`),
    });
    this.#parts = {
      cluster,
      engine,
      images,
      puller,
      issueToken,
      clock,
      recorder: createRecorder({ cluster, clock, component: "kubelet", host: facts.name }),
      folders: new PodFolders(facts.data),
      node: { name: facts.name, address: facts.address, memory, leastScore: leastScore() },
      gate: new Gate(STARTS_AT_ONCE),
      ending: this.#ending.signal,
      withdrawn,
      wake: (uid, after) => (after === undefined ? this.#loop.add(uid) : this.#loop.addAfter(uid, after)),
    };
  }

  async start(): Promise<void> {
    const { cluster, clock, facts } = this.#options;
    for (const entry of await adoptInstances(this.#parts)) this.#add(entry);
    this.#watches.push(
      await startHeartbeat(cluster, clock, facts, this.#options.heartbeat),
      cluster.watch("pods", (event) => this.#onPod(event)),
      cluster.watch("configmaps", (event) => this.#onSource(event)),
      cluster.watch("secrets", (event) => this.#onSource(event)),
      cluster.watch(CLAIMS, (event) => this.#onSource(event)),
      cluster.watch(VOLUMES, (event) => this.#onSource(event)),
    );
    this.#watches.push(...this.#keepHouse());
    for (const uid of this.#entries.keys()) this.#loop.add(uid);
    this.#watches.push(this.#options.meter.start(() => this.#running()));
  }

  #running(): readonly MeterTarget[] {
    return [...this.#entries.values()].flatMap(({ entry }) =>
      [...entry.instances.values()].flatMap(({ id, name, state }) => (state.kind === "running" ? [{ id, pod: entry.uid, container: name.container }] : [])),
    );
  }

  /** What no event tells of: tokens grow old, folders grow large. */
  #keepHouse(): readonly Disposable[] {
    const { clock } = this.#parts;
    const each = async (look: (entry: PodEntry, pod: KubeObject) => Promise<void>): Promise<void> => {
      for (const { entry } of this.#entries.values()) if (entry.pod !== undefined && entry.sandbox !== undefined) await look(entry, entry.pod);
    };
    return [
      repeat(clock, REFRESH_MS, async () => await each(async (entry) => await refreshVolumes(this.#parts, entry))),
      repeat(clock, HOUSEKEEPING_MS, async () => await each(async (entry, pod) => await this.#measure(entry, pod))),
    ];
  }

  /** Folders of many files take long: looking at them is not to take more than a part of the time. */
  async #measure(entry: PodEntry, pod: KubeObject): Promise<void> {
    const { clock } = this.#parts;
    const start = clock.now();
    if (start < entry.measureAfter) return;
    await evictWhenFull(this.#parts, pod);
    entry.measureAfter = clock.now() + MEASURE_REST * (clock.now() - start);
  }

  entry(uid: string): PodEntry | undefined {
    return this.#entries.get(uid)?.entry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
    for (const { entry } of this.#entries.values()) for (const held of entry.instances.values()) held.prober?.[Symbol.dispose]();
    await Promise.race([
      Promise.allSettled([...this.#entries.values()].flatMap(({ entry }) => [...entry.work.values()])),
      new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref()),
    ]);
  }

  #onPod({ object, previous }: WatchEvent): void {
    const { uid, labels, annotations } = object.metadata;
    if (object.spec.nodeName !== this.#parts.node.name) return;
    if (!this.#entries.has(uid)) this.#add(new PodEntry(uid, keyOf(object)));
    const told = !equal(labels, previous?.metadata.labels) || !equal(annotations, previous?.metadata.annotations);
    const entry = this.entry(uid);
    if (told && entry !== undefined) void refreshVolumes(this.#parts, entry);
    this.#loop.add(uid);
  }

  /** A ConfigMap, Secret, claim or volume changed: volumes follow, and what waited for it is tried at once. */
  #onSource({ type, object }: WatchEvent): void {
    if (type === "DELETED") return;
    for (const { entry } of this.#entries.values()) {
      if ((object.metadata.namespace !== undefined && entry.key.namespace !== object.metadata.namespace) || entry.pod === undefined) continue;
      if (shows(entry.pod, object)) void refreshVolumes(this.#parts, entry);
      if (entry.problems.size === 0) continue;
      for (const [name, problem] of entry.problems)
        if (problem.reason === "CreateContainerConfigError" || problem.reason === "FailedMount") entry.problems.set(name, { ...problem, retryAt: 0 });
      this.#loop.add(entry.uid);
    }
  }

  #add(entry: PodEntry): void {
    this.#entries.set(entry.uid, { entry, worker: new PodWorker(this.#parts, entry, () => void this.#entries.delete(entry.uid)) });
  }
}

/** As upstream's eviction manager looks. */
const HOUSEKEEPING_MS = 10_000;
/** So many times as long as a look took, there is none. */
const MEASURE_REST = 100;
/** A token is replaced while a fifth of its time is left, which is two minutes at least. Each look reads all files of all pods. */
const REFRESH_MS = 60_000;
/** How long work under way may take to end when the agent is stopped. */
const SHUTDOWN_MS = 2000;
