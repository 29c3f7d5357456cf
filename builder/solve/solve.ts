/**
 * Steps → layers. All stages start at once and each waits only for what it needs; a step is looked up by content and made on a miss;
 * equal steps are made once; the first failure stops the others.
 */
import { availableParallelism } from "node:os";
import { hostPlatform } from "../../store/image/platform.ts";
import type { ChainID } from "../../store/store.ts";
import { placed } from "../errors.ts";
import type { ErrorPlace } from "../errors.ts";
import type { SourceTree } from "../context/tree.ts";
import { shownBy, type Action, type BuildGraph, type ImageOrigin, type Origin, type Step } from "../plan/graph.ts";
import { copyWork } from "./copy-work.ts";
import { CacheGap, type Found, type QuickRecord } from "./cache.ts";
import { keyOf, type KeyParts } from "./key.ts";
import { lineageOf } from "./lineage.ts";
import { runWork } from "./run-work.ts";
import { Semaphore } from "./semaphore.ts";
import type { Making, SolveScope, Work } from "./scope.ts";
import { stageScope } from "./stage-scope.ts";
import { workdirWork } from "./workdir-work.ts";
import type { Vertex } from "../progress.ts";

/** At once: RUNs mostly wait; copies keep a core and the disk busy. */
const MAX_RUNS = 4 * availableParallelism();

/** Why a --link step is a hit on a parent that it never stood on. */
export const MOVED = "only what is below changed, which --link does not depend on";

export interface SolveParts extends Omit<SolveScope, "chainOf" | "treeOf" | "platform" | "programs" | "probes"> {
  readonly graph: BuildGraph;
  /** An image unpacked; its stack. */
  readonly unpack: (origin: ImageOrigin, name: string) => Promise<ChainID | undefined>;
  readonly contextTree: (name: string | undefined) => Promise<SourceTree>;
  readonly fail: (reason: unknown) => void;
  readonly placeOf: (step: Step) => ErrorPlace;
  /** Names a step by where it stands. */
  readonly identityOf: (step: Step) => string;
}

interface Prepared {
  readonly work: Work;
  readonly parent: ChainID | undefined;
}

interface Made {
  readonly chain: ChainID;
  /** By what was copied in the end. */
  readonly parts: KeyParts;
  /** When other builds see it. */
  readonly saved?: Promise<void>;
}

/** The chain of every stage, by its index. Settles only when all work has ended. */
export async function solve(parts: SolveParts): Promise<ReadonlyMap<number, ChainID | undefined>> {
  const solver = new Solver(parts);
  const settled = await Promise.allSettled(parts.graph.stages.map(async (stage) => [stage.index, await solver.stage(stage.index)] as const));
  const failure = solver.failure ?? settled.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return new Map(settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])));
}

/** Lives for one build. */
class Solver {
  /** The first one; those that follow are only its echoes. */
  failure: { readonly reason: unknown } | undefined;
  readonly #parts: SolveParts;
  readonly #scope: SolveScope;
  readonly #stages = new Map<number, Promise<ChainID | undefined>>();
  readonly #making = new Map<string, Promise<Made>>();
  readonly #runs = new Semaphore(MAX_RUNS);
  readonly #copies = new Semaphore(availableParallelism());

  constructor(parts: SolveParts) {
    this.#parts = parts;
    this.#scope = {
      ...parts,
      platform: "",
      programs: hostPlatform(),
      probes: new Map(),
      chainOf: async (origin) => await this.#chainOf(origin),
      treeOf: async (origin) => await this.#treeOf(origin),
    };
  }

  stage(index: number): Promise<ChainID | undefined> {
    let chain = this.#stages.get(index);
    if (chain === undefined) {
      chain = this.#solveStage(index);
      chain.catch(() => undefined); // reported by solve, perhaps later than it is awaited elsewhere
      this.#stages.set(index, chain);
    }
    return chain;
  }

  async #solveStage(index: number): Promise<ChainID | undefined> {
    const stage = this.#parts.graph.stages.find((candidate) => candidate.index === index);
    if (stage === undefined) return undefined;
    const total = stage.steps.length + 1;
    const name = `[${this.#parts.graph.stages.length === 1 ? "" : `${stage.name} `}1/${total}]`;
    let chain = await this.#guard(async () => await this.#chainOf(stage.base, `${name} FROM`));
    for (const step of stage.steps) chain = await this.#step(step, chain);
    return chain;
  }

  async #chainOf(origin: Origin, name = "FROM"): Promise<ChainID | undefined> {
    if (origin.kind === "stage") return await this.stage(origin.index);
    if (origin.kind === "context") return await (await import("./context-base.ts")).contextBase(origin, `${name} ${origin.name}`, this.#scope);
    return origin.kind === "image" ? await this.#parts.unpack(origin, `${name} ${origin.reference}`) : undefined;
  }

  async #treeOf(origin: Origin): Promise<SourceTree> {
    if (origin.kind === "context") return await this.#parts.contextTree(origin.name);
    const view = await this.#scope.collaborators.store.snapshots.view(await this.#chainOf(origin));
    const { StackTree } = await import("../context/stack-tree.ts");
    const stage = origin.kind === "stage" ? this.#parts.graph.stages.find(({ index }) => index === origin.index) : undefined;
    return new StackTree(view, stage === undefined ? `image ${origin.kind === "image" ? origin.reference : ""}` : `stage ${stage.name}`);
  }

  async #step(step: Step, parent: ChainID | undefined): Promise<ChainID> {
    await Promise.all(originsOf(step.action).map(async (origin) => (origin.kind === "stage" ? await this.stage(origin.index) : undefined)));
    this.#scope.signal.throwIfAborted();
    const vertex = this.#scope.progress.start(step.name, lineageOf(this.#parts.graph, step, originsOf(step.action)));
    try {
      const scope = stageScope(this.#scope, this.#parts.graph, step.stage);
      const work = await this.#strictly(await prepare(step.action, parent, this.#parts.identityOf(step), scope), step, parent);
      const chain = await this.#lookUpOrMake(step, { work, parent }, vertex);
      vertex.done();
      return chain;
    } catch (error) {
      const failure = placed(error, () => this.#parts.placeOf(step));
      vertex.failed(failure instanceof Error ? failure.message : String(failure), this.#scope.signal.aborted || failure instanceof CacheGap);
      throw this.#fail(failure);
    }
  }

  async #strictly(work: Work, step: Step, parent: ChainID | undefined): Promise<Work> {
    if (this.#scope.request.strict !== true) return work;
    const { strictWork } = await import("../strict/strict-work.ts");
    return strictWork(work, { step, graph: this.#parts.graph, parent }, this.#scope);
  }

  async #lookUpOrMake(step: Step, { work, parent }: Prepared, vertex: Vertex): Promise<ChainID> {
    const { cache } = this.#scope;
    const place = this.#parts.identityOf(step);
    const quick = work.quick === undefined ? undefined : keyOf(work.quick.parts);
    const isAnew = this.#isAnew(step) !== undefined;
    const known = quick === undefined || isAnew ? undefined : await cache.find(quick);
    if (known !== undefined) return hit(vertex, known);
    const parts = await work.full();
    const key = keyOf(parts);
    const found = isAnew ? undefined : await cache.find(key);
    const anywhere = found === undefined && work.anywhere !== undefined ? keyOf(await work.anywhere()) : undefined;
    const quicks = (): readonly QuickRecord[] => [
      ...(quick !== undefined && work.quick?.isLasting() === true ? [{ key: quick, isLocal: work.quick.isLocal }] : []),
      ...(anywhere === undefined ? [] : [{ key: anywhere, isLocal: false }]),
    ];
    const look: Look = { key, anywhere, parts, place, quicks };
    const moved = anywhere === undefined || isAnew ? undefined : await this.#moveHere(anywhere, parent);
    if (moved !== undefined) {
      void this.#remember(step, look, { chain: moved, parts }, true);
      return hit(vertex, { chainID: moved }, MOVED);
    }
    if (found === undefined) return await this.#makeOnce(step, work, vertex, look, isAnew);
    const chain = hit(vertex, found);
    if (quicks().length > 0 || cache.lastLook(place)?.key !== key) void this.#remember(step, look, { chain, parts }, false);
    return chain;
  }

  /** The layer of a --link step that was made on another parent, perhaps by another stage just now. */
  async #moveHere(anywhere: string, parent: ChainID | undefined): Promise<ChainID | undefined> {
    const { cache, collaborators } = this.#scope;
    const chain = (await this.#making.get(anywhere))?.chain ?? (await cache.find(anywhere, { isUsed: false }))?.chainID;
    return chain === undefined ? undefined : (await collaborators.store.snapshots.restack(parent, chain))?.chainID;
  }

  /** The flag that wants the step made whatever the cache holds: for all, or for a stage by name. */
  #isAnew({ stage }: Step): string | undefined {
    const { noCache, noCacheFilter: names } = this.#scope.request;
    if (noCache) return "--no-cache";
    const isNamed = names !== undefined && this.#parts.graph.stages.some(({ index, name }) => index === stage && (names.has(name) || names.has(String(index))));
    return isNamed ? "--no-cache-filter" : undefined;
  }

  /** Files that changed while they were copied make it another step than the one that was looked up. */
  #remember(step: Step, look: Look, { chain, parts }: Made, isMade: boolean): Promise<void> {
    const isSame = parts === look.parts || keyOf(parts) === look.key;
    const news = { key: isSame ? look.key : keyOf(parts), parts, chain, step: step.name, quick: isSame ? look.quicks() : [], isMade };
    const saved = this.#scope.cache.remember(look.place, news);
    saved.catch(() => undefined); // reported when the cache settles
    return saved;
  }

  async #makeOnce(step: Step, work: Work, vertex: Vertex, look: Look, isAnew: boolean): Promise<ChainID> {
    const others = this.#making.get(look.key);
    if (others !== undefined) {
      vertex.explain(true, () => "an equal step of this build made it");
      const made = await others;
      void this.#remember(step, look, made, false);
      return made.chain;
    }
    const made = isAnew ? this.#make(step, work, vertex, look) : this.#makeAlone(step, work, vertex, look);
    this.#making.set(look.key, made);
    if (look.anywhere !== undefined) this.#making.set(look.anywhere, made);
    return (await made).chain;
  }

  /** While no other process makes the same: then its layer is taken. */
  async #makeAlone(step: Step, work: Work, vertex: Vertex, look: Look): Promise<Made> {
    const { lockStep } = await import("../cache/step-lock.ts");
    const { collaborators, signal, cache } = this.#scope;
    const onWait = (): void => vertex.output("stderr", Buffer.from("waiting for another build that makes this step\n"));
    const lock = await lockStep(collaborators.store.root, look.key, { treeTool: collaborators.treeTool, signal, onWait });
    let saved: Promise<void> | undefined;
    try {
      const theirs = await cache.find(look.key);
      if (theirs !== undefined) return { chain: hit(vertex, theirs, "another build made it meanwhile"), parts: look.parts };
      const made = await this.#make(step, work, vertex, look);
      saved = made.saved;
      return made;
    } finally {
      void Promise.resolve(saved)
        .finally(() => lock[Symbol.dispose]())
        .catch(() => undefined); // others may look only once it is written
    }
  }

  async #make(step: Step, work: Work, vertex: Vertex, look: Look): Promise<Made> {
    const last = this.#scope.cache.lastLook(look.place);
    const gate = step.action.kind === "run" ? this.#runs : this.#copies;
    return await gate.run(async () => {
      const { explainMiss } = await import("./explain.ts");
      this.#scope.signal.throwIfAborted();
      const explain: Making["explain"] = (files) => vertex.explain(false, () => this.#isAnew(step) ?? explainMiss(look.parts, last, files));
      const chain = await work.make({ vertex, place: look.place, explain });
      const made = { chain, parts: await work.full() };
      return { ...made, saved: this.#remember(step, look, made, true) };
    });
  }

  async #guard<Value>(action: () => Promise<Value>): Promise<Value> {
    try {
      return await action();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(reason: unknown): unknown {
    this.failure ??= { reason };
    this.#parts.fail(reason);
    return reason;
  }
}

/** A step as its keys name it, and where it stands. */
interface Look {
  readonly key: string;
  /** Of a step whose layer is the same on any parent. */
  readonly anywhere: string | undefined;
  readonly parts: KeyParts;
  readonly place: string;
  /** Those that are good for more than this look. */
  readonly quicks: () => readonly QuickRecord[];
}

function hit(vertex: Vertex, { chainID, from }: Found, reason = "nothing that it depends on changed"): ChainID {
  vertex.cached();
  vertex.explain(true, () => (from === undefined ? reason : `cache ${from} has it`));
  return chainID;
}

export async function prepare(action: Action, parent: ChainID | undefined, place: string, scope: SolveScope): Promise<Work> {
  if (action.kind === "run") return await runWork(action, parent, scope);
  return action.kind === "copy" ? await copyWork(action, parent, place, scope) : workdirWork(action, parent, scope);
}

/** What a step reads besides its parent. */
export function originsOf(action: Action): readonly Origin[] {
  if (action.kind === "copy") return [action.origin];
  return action.kind === "run" ? action.mounts.flatMap((mount) => shownBy(mount)?.origin ?? []) : [];
}
