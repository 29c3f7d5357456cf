/**
 * --dry-run: which steps a build would make, and why. Keys are worked out and looked up as in a build, and there it ends:
 * nothing runs, nothing is stored. What depends on a layer that is not known is said to be so.
 */
import type { ChainID, Layer, Store } from "../../store/store.ts";
import { epochOf, loadDefinition, plan, type Plan } from "../plan-request.ts";
import { ContextTrees } from "../context/open-trees.ts";
import { StackTree } from "../context/stack-tree.ts";
import { BuilderError } from "../errors.ts";
import type { Origin, StagePlan, Step } from "../plan/graph.ts";
import { Progress } from "../progress.ts";
import type { BuildRequest, Collaborators } from "../request.ts";
import { CACHE_TABLE, LOOKS_TABLE, type BuildCache, type CacheRecord, type Found, type ImportedCache, type LastLook } from "../solve/cache.ts";
import { explainMiss, type FileChange } from "../solve/explain.ts";
import { keyOf, type KeyParts } from "../solve/key.ts";
import { BaseImages } from "../solve/open-image.ts";
import { RunFolder } from "../solve/run-folder.ts";
import type { SolveScope, Work } from "../solve/scope.ts";
import { MOVED, originsOf, prepare } from "../solve/solve.ts";
import { stepPlaces } from "../solve/step-places.ts";
import { stageScope } from "../solve/stage-scope.ts";

export interface DryStep {
  /** As progress names it. */
  readonly name: string;
  readonly state: "cached" | "run" | "unknown";
  readonly reason: string;
}

/** A stack that is known, or the step for which it is not. */
type Outcome =
  | { readonly kind: "known"; readonly chain: ChainID | undefined }
  | { readonly kind: "run"; readonly step: string }
  /** The layer of that step is known, what is below it is not. */
  | { readonly kind: "moved"; readonly step: string }
  | { readonly kind: "unknown"; readonly step: string };

/** @throws {BuilderError} `IMAGE_UNKNOWN` when a base image is not here: it would be pulled, and shapes all that follows */
export async function dryRun(request: BuildRequest, collaborators: Collaborators): Promise<readonly DryStep[]> {
  const progress = new Progress(() => undefined, false);
  const dockerfile = loadDefinition(request, progress);
  const { puller: _, ...alone } = collaborators;
  const store = readOnly(collaborators.store);
  const images = new BaseImages({ ...request, pull: false }, { ...alone, store }, progress);
  const planned = await plan(dockerfile, request, images);
  await using scratch = RunFolder.open(collaborators.scratch);
  const trees = new ContextTrees(request, collaborators, scratch.path());
  await using caches = await importedCaches(request, collaborators, progress);
  const signal = collaborators.signal ?? new AbortController().signal;
  const walk = new Walk(planned, {
    request,
    collaborators: { ...alone, store },
    scratch: scratch.path(),
    epoch: epochOf(request, planned),
    cache: lookingOnly(store, caches.imports),
    progress,
    signal,
    chainOf: async (origin) => await walk.chainOf(origin),
    treeOf: async (origin) =>
      origin.kind === "context" ? await trees.open(origin.name, signal) : new StackTree(await store.snapshots.view(await walk.chainOf(origin)), "stage"),
    placeOf: stepPlaces(request, planned.graph),
    imageChain: async (origin) => (await images.open(origin)).chain,
  });
  for (const stage of planned.graph.stages) await walk.stage(stage.index);
  return planned.graph.stages.flatMap((stage) => walk.steps.get(stage.index) ?? []);
}

async function importedCaches(
  request: BuildRequest,
  { store, cacheStorage }: Collaborators,
  progress: Progress,
): Promise<AsyncDisposable & { readonly imports?: ImportedCache }> {
  if ((request.cacheFrom ?? []).length === 0) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const [{ openCaches }, { hostPlatform }] = await Promise.all([import("./build-caches.ts"), import("../../store/image/platform.ts")]);
  return await openCaches(store, { ...request, cacheTo: [] }, { storage: cacheStorage, platform: request.platforms[0] ?? hostPlatform(), progress });
}

/** To use a layer writes down that it is used. */
function readOnly(store: Store): Store {
  return { ...store, snapshots: { ...store.snapshots, use: async (chain): Promise<Layer | undefined> => await store.snapshots.get(chain) } };
}

function lookingOnly(store: Store, imports: ImportedCache | undefined): BuildCache {
  const records = store.table<CacheRecord>(CACHE_TABLE);
  const looks = store.table<LastLook>(LOOKS_TABLE);
  return {
    used: new Map(),
    hasNews: false,
    async find(key): Promise<Found | undefined> {
      const record = records.get(key);
      if (record !== undefined && (await store.snapshots.get(record.chain)) !== undefined) return { chainID: record.chain };
      return imports?.find(key);
    },
    lastLook: (place) => looks.get(place),
    remember: () => Promise.resolve(),
    settle: () => Promise.resolve(),
  };
}

interface WalkScope extends Omit<SolveScope, "platform" | "programs" | "probes"> {
  readonly placeOf: (step: Step) => string;
  readonly imageChain: (origin: Extract<Origin, { kind: "image" }>) => Promise<ChainID | undefined>;
}

/** Thrown out of the making of a step when it has said why it is made, which it does before all work. */
class Explained extends Error {
  readonly files: FileChange;

  constructor(files: FileChange) {
    super("explained");
    this.files = files;
  }
}

class Walk {
  readonly steps = new Map<number, readonly DryStep[]>();
  readonly #plan: Plan;
  readonly #scope: WalkScope;
  readonly #outcomes = new Map<number, Promise<Outcome>>();

  constructor(planned: Plan, scope: WalkScope) {
    this.#plan = planned;
    this.#scope = scope;
  }

  async stage(index: number): Promise<Outcome> {
    const stage = this.#plan.graph.stages.find((candidate) => candidate.index === index);
    if (stage === undefined) return { kind: "known", chain: undefined };
    const outcome = this.#outcomes.get(index) ?? this.#stage(stage);
    this.#outcomes.set(index, outcome);
    return await outcome;
  }

  /** Only asked for when it is known. */
  async chainOf(origin: Origin): Promise<ChainID | undefined> {
    const outcome = await this.#outcome(origin);
    if (outcome.kind !== "known") throw new Error("a stack that is not known was asked for");
    return outcome.chain;
  }

  async #stage(stage: StagePlan): Promise<Outcome> {
    const steps: DryStep[] = [];
    this.steps.set(stage.index, steps);
    let at = await this.#outcome(stage.base);
    for (const step of stage.steps) {
      const { outcome, ...said } = await this.#step(step, at);
      steps.push({ name: step.name, ...said });
      at = outcome;
    }
    return at;
  }

  async #outcome(origin: Origin): Promise<Outcome> {
    if (origin.kind === "stage") return await this.stage(origin.index);
    return { kind: "known", chain: origin.kind === "image" ? await this.#scope.imageChain(origin) : undefined };
  }

  async #step(step: Step, below: Outcome): Promise<Omit<DryStep, "name"> & { readonly outcome: Outcome }> {
    const own = (state: "run" | "unknown", reason: string): Omit<DryStep, "name"> & { readonly outcome: Outcome } => ({
      state,
      reason,
      outcome: { kind: state, step: step.name },
    });
    if (below.kind !== "known" && !isAnywhere(step)) return isOn(below, own);
    const sources = await Promise.all(originsOf(step.action).map(async (origin) => await this.#outcome(origin)));
    const open = sources.find((outcome) => outcome.kind !== "known");
    if (open !== undefined) return own("unknown", `depends on the files that ${open.step} gives`);
    const { action } = step;
    if (action.kind === "copy" && action.urls.length + (action.git ?? []).length > 0) return own("unknown", "depends on what is at the address now");
    return await this.#lookUp(step, below, own);
  }

  async #lookUp<Said>(
    step: Step,
    below: Outcome,
    own: (state: "run" | "unknown", reason: string) => Said,
  ): Promise<Said | (Omit<DryStep, "name"> & { readonly outcome: Outcome })> {
    const { request, cache } = this.#scope;
    const place = this.#scope.placeOf(step);
    const scope = stageScope({ ...this.#scope, platform: "", programs: this.#plan.platforms[0]!, probes: new Map() }, this.#plan.graph, step.stage);
    const stage = this.#plan.graph.stages.find(({ index }) => index === step.stage);
    if (request.noCache) return own("run", "--no-cache");
    if (request.noCacheFilter?.has(stage?.name ?? "") === true) return own("run", "--no-cache-filter");
    try {
      const work = await prepare(step.action, below.kind === "known" ? below.chain : undefined, place, scope);
      const anywhere = async (): Promise<Found | undefined> => {
        await work.full();
        return work.anywhere === undefined ? undefined : await cache.find(keyOf(await work.anywhere()), { isUsed: false });
      };
      const moved = { state: "cached" as const, reason: MOVED };
      if (below.kind !== "known") return (await anywhere()) === undefined ? isOn(below, own) : { ...moved, outcome: below };
      const quick = work.quick === undefined ? undefined : await cache.find(keyOf(work.quick.parts));
      const parts = quick === undefined ? await work.full() : {};
      const found = quick ?? (await cache.find(keyOf(parts)));
      if (found === undefined && (await anywhere()) !== undefined) return { ...moved, outcome: { kind: "moved", step: step.name } };
      if (found === undefined) return own("run", explainMiss(parts, cache.lastLook(place), await filesOf(work, parts, place)));
      const reason = found.from === undefined ? "nothing that it depends on changed" : `cache ${found.from} has it`;
      return { state: "cached", reason, outcome: { kind: "known", chain: found.chainID } };
    } catch (error) {
      if (error instanceof BuilderError || (error as { code?: unknown }).code === "SNAPSHOT_UNKNOWN") return own("unknown", (error as Error).message);
      throw error;
    }
  }
}

type Unknown = Exclude<Outcome, { kind: "known" }>;

function isOn<Said>(below: Unknown, own: (state: "run" | "unknown", reason: string) => Said): Said {
  if (below.kind === "run") return own("run", `the step before it would run: ${below.step}`);
  return below.kind === "moved" ? own("run", `what is below ${below.step} changed`) : own("unknown", `depends on what ${below.step} gives`);
}

/** Nothing of what it stands on is needed to know its layer: names of --chown would be looked up there. */
function isAnywhere({ action }: Step): boolean {
  return action.kind === "copy" && action.link && /^[\d:]*$/.test(action.chown ?? "");
}

/** What the step would say of files. */
async function filesOf(work: Work, parts: KeyParts, place: string): Promise<FileChange> {
  const vertex = {
    output: () => undefined,
    cached: () => undefined,
    explain: () => undefined,
    done: () => undefined,
    failed: () => undefined,
    status: () => undefined,
  };
  if (parts["files"] === undefined && parts["mounted files"] === undefined) return { before: undefined, now: undefined };
  try {
    await work.make({
      vertex,
      place,
      explain: (files) => {
        throw new Explained(files);
      },
    });
  } catch (error) {
    if (error instanceof Explained) return error.files;
    throw error;
  }
  throw new Error("a step was made without saying why");
}
