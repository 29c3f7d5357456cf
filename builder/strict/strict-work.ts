/**
 * What only files can tell, looked at when a step is made. The keys of such steps say that they were made strictly: what an ordinary
 * build has made is no hit.
 */
import type { ChainID } from "../../store/store.ts";
import type { BuildGraph, CopyAction, Step } from "../plan/graph.ts";
import type { SolveScope, Work } from "../solve/scope.ts";
import { refusal, type Violation } from "./violation.ts";

export interface StrictStep {
  readonly step: Step;
  readonly graph: BuildGraph;
  readonly parent: ChainID | undefined;
}

export function strictWork(work: Work, at: StrictStep, scope: SolveScope): Work {
  const { action } = at.step;
  if (action.kind === "copy") return strictly(work, async () => refuse(await copyViolation(action, at, scope)));
  const volumes = action.kind === "run" ? volumesAt(at) : [];
  if (volumes.length === 0) return work;
  return strictly(
    work,
    () => Promise.resolve(),
    async (chain) => refuse(await volumeViolation(chain, volumes, at, scope)),
  );
}

function strictly(work: Work, before: () => Promise<void>, after: (chain: ChainID) => Promise<void> = () => Promise.resolve()): Work {
  const mark = { strict: "true" };
  return {
    ...(work.quick === undefined
      ? {}
      : { quick: { ...work.quick, parts: { ...work.quick.parts, ...mark }, isLasting: () => work.quick?.isLasting() === true } }),
    full: async () => ({ ...(await work.full()), ...mark }),
    ...(work.anywhere === undefined ? {} : { anywhere: async () => ({ ...(await work.anywhere!()), ...mark }) }),
    async make(making) {
      await before();
      const chain = await work.make(making);
      await after(chain);
      return chain;
    },
  };
}

function refuse(violation: Violation | undefined): void {
  if (violation !== undefined) throw refusal(violation, undefined);
}

async function copyViolation(action: CopyAction, { step, parent }: StrictStep, scope: SolveScope): Promise<Violation | undefined> {
  const { place } = step;
  const { destination, exclude } = action;
  const tree = action.patterns.length === 0 ? undefined : await scope.treeOf(action.origin);
  let count = action.inline.length + action.urls.length + (action.git?.length ?? 0);
  for (const pattern of action.patterns) {
    const found = (await tree?.select(pattern, { exclude, parents: action.parents })) ?? [];
    if (found.length === 0 && /[*?[]/.test(pattern)) return { rule: "UnmatchedWildcard", what: `source ${pattern}`, state: "it matches nothing", place };
    count += found.length;
  }
  const isInto = destination.endsWith("/") || action.parents;
  if (count > 1 && !isInto) return { rule: "SeveralSources", what: `destination ${destination}`, state: `${count} sources go to it`, place };
  const view = await scope.collaborators.store.snapshots.view(parent);
  const path = destination.replace(/^\/+|\/+$/g, "");
  const itself = isInto || path === "" ? undefined : await view.lookup(path, { follow: false });
  if (itself?.type !== "symlink" || (await view.lookup(path))?.type === "directory") return undefined;
  return { rule: "LinkedDestination", what: `destination ${destination}`, state: `it is a link to ${itself.target ?? "a file"}`, place };
}

async function volumeViolation(chain: ChainID, volumes: readonly string[], { step }: StrictStep, scope: SolveScope): Promise<Violation | undefined> {
  const entries = await scope.collaborators.store.snapshots.entries(chain);
  for (const volume of volumes) {
    const inside = `${volume.replace(/^\/+|\/+$/g, "")}/`;
    const written = entries.find(({ path }) => path.startsWith(inside));
    if (written !== undefined) return { rule: "VolumeWrites", what: `/${written.path}`, state: `RUN writes it into volume ${volume}`, place: step.place };
  }
  return undefined;
}

/** Volumes that were declared before the step: by what the stage stands on, or by a line before. */
function volumesAt({ step, graph }: StrictStep): readonly string[] {
  const stage = graph.stages.find(({ index }) => index === step.stage);
  if (stage === undefined) return [];
  const { base } = stage;
  const parent = base.kind === "stage" ? graph.stages.find(({ index }) => index === base.index) : undefined;
  const inherited = Object.keys(parent?.config.Volumes ?? stage.image?.config.config?.Volumes ?? {});
  const until = stage.history.findIndex((entry) => entry.step?.id === step.id);
  const before = stage.history
    .slice(0, Math.max(0, until))
    .flatMap(({ entry }) => (entry.created_by?.startsWith("VOLUME ") === true ? [entry.created_by] : []));
  const own = Object.keys(stage.config.Volumes ?? {}).filter((path) => before.some((line) => line.includes(path)));
  return [...new Set([...inherited, ...own])];
}
