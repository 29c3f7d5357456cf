/** build: Dockerfile → instructions → plan → layers → image. */
import { hostPlatform } from "../store/image/platform.ts";
import { assemble, layersOf } from "./assemble.ts";
import type { AttestWork } from "./attest/attest.ts";
import type { Attestation } from "./attest/options.ts";
import type { RecordingPins } from "./attest/recording-pins.ts";
import type { BuildCaches } from "./cache/build-caches.ts";
import { ContextTrees } from "./context/open-trees.ts";
import { frame } from "./dockerfile/frame.ts";
import type { Dockerfile } from "./dockerfile/instruction.ts";
import { linkedAbort, type LinkedAbort } from "./linked-abort.ts";
import { epochOf, loadDefinition, plan, type Plan } from "./plan-request.ts";
import { Progress } from "./progress.ts";
import type { BuildRequest, BuildResult, BuiltImage, Collaborators } from "./request.ts";
import { openCache, type BuildCache } from "./solve/cache.ts";
import { lineageOf } from "./solve/lineage.ts";
import { BaseImages } from "./solve/open-image.ts";
import { RunFolder, sweepScratch } from "./solve/run-folder.ts";
import { solve, type SolveParts } from "./solve/solve.ts";
import { stepPlaces } from "./solve/step-places.ts";

/** @throws {BuilderError} with the place in the Dockerfile where it has one; what was made until then stays in the cache */
export async function build(request: BuildRequest, collaborators: Collaborators): Promise<BuildResult> {
  const startedAt = Date.now();
  sweepScratch(collaborators.scratch);
  const progress = new Progress(collaborators.onEvent, request.explain);
  const dockerfile = loadDefinition(request, progress);
  const images = new BaseImages(request, collaborators, progress);
  const planned = await plan(dockerfile, request, images);
  if (request.strict === true) (await import("./strict/refuse-plan.ts")).refusePlan({ ...request, ...planned, dockerfile });
  const epoch = epochOf(request, planned);
  const caches = await openCaches(request, collaborators, progress);
  await using _caches = caches;
  const cache = openCache(collaborators.store, caches?.imports);
  await using scratch = RunFolder.open(collaborators.scratch);
  const trees = new ContextTrees(request, collaborators, scratch.path());
  const pins = await pinsOf(request, collaborators);
  const parts = { ...collaborators, store: caches?.store ?? collaborators.store, ...(pins === undefined ? {} : { pins }) };
  const work = { request, collaborators: parts, dockerfile, planned, epoch, startedAt, progress, images, caches, cache, trees, pins, scratch: scratch.path() };
  const keepLearned = async (): Promise<void> => {
    await trees.save();
    await cache.settle();
  };
  const attempt = async (): Promise<Attempted> => await attemptBuild(work);
  const built = await (caches === undefined ? attempt() : caches.retrying(attempt)).catch(async (error: unknown) => {
    await keepLearned().catch(() => undefined); // what failed first is what is told
    throw error;
  });
  await keepLearned();
  return { ...built, warnings: planned.warnings, bases: planned.bases, hasNews: cache.hasNews };
}

type Chains = Awaited<ReturnType<typeof solve>>;
type Attempted = Omit<BuildResult, "warnings" | "bases" | "hasNews">;

/** What the parts of one build share. */
interface BuildWork {
  readonly request: BuildRequest;
  /** Their store has the layers of imported caches, too. */
  readonly collaborators: Collaborators;
  readonly dockerfile: Dockerfile;
  readonly planned: Plan;
  /** Seconds. */
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly progress: Progress;
  readonly images: BaseImages;
  readonly caches: BuildCaches | undefined;
  readonly cache: BuildCache;
  readonly trees: ContextTrees;
  readonly pins: RecordingPins | undefined;
  /** A folder for the time of this build. */
  readonly scratch: string;
}

/** From the plan to the image and what goes with it. Done again when an imported cache could not keep what it promised. */
async function attemptBuild(work: BuildWork): Promise<Attempted> {
  const { collaborators, caches, cache } = work;
  using abort = linkedAbort(collaborators.signal);
  const chains = await solve(solveParts(work, abort));
  const built = await exportImages(work, chains);
  const result = await resultOf(built, work.request, collaborators);
  await caches?.export(
    cache.used,
    built.map(({ chain }) => chain),
  );
  return { ...result, attestations: await attest(work, built, chains, abort.signal) };
}

function solveParts(
  { request, collaborators, scratch, epoch, cache, progress, planned, trees, images, dockerfile }: BuildWork,
  abort: LinkedAbort,
): SolveParts {
  return {
    request,
    collaborators,
    scratch,
    epoch,
    cache,
    progress,
    graph: planned.graph,
    signal: abort.signal,
    contextTree: async (name) => await trees.open(name, abort.signal),
    unpack: async (origin, name) => await images.unpack(origin, name),
    fail: (reason) => abort.fail(reason),
    placeOf: (step) => frame(dockerfile, step.place),
    identityOf: stepPlaces(request, planned.graph),
  };
}

/** The image of every platform, in their order. */
async function exportImages(work: BuildWork, chains: Chains): Promise<readonly BuiltImage[]> {
  const { request, planned, progress, caches, cache, epoch } = work;
  const { graph, targets, platforms } = planned;
  const { store } = work.collaborators;
  const vertex = progress.start("exporting to image", { after: targets.flatMap((target) => lineageOf(graph, { stage: target }, []).after) });
  const built = await Promise.all(
    targets.map(async (target, at): Promise<BuiltImage> => {
      const chain = chains.get(target);
      const extra = caches === undefined ? {} : await caches.inline(cache.used, await layersOf(store, chain));
      return { ...(await assemble(store, { ...graph, target }, chain, { epoch, labels: request.labels, extra })), chain, platform: platforms[at]! };
    }),
  );
  for (const { id } of built) vertex.status({ id: `writing image ${id}`, current: 0, isDone: true });
  vertex.done();
  return built;
}

async function attest(work: BuildWork, built: readonly BuiltImage[], chains: Chains, signal: AbortSignal): Promise<readonly Attestation[]> {
  const { request, planned, images, trees, pins, collaborators, dockerfile, progress, epoch, startedAt } = work;
  if (request.attest === undefined) return [];
  const { attestImages } = await import("./attest/attest.ts");
  const stages = built.map((image, at) => ({ ...image, stage: planned.targets[at]! }));
  const asked = { attest: request.attest, request, dockerfile, graph: planned.graph, chains, materials: pins?.materials() ?? [] };
  const sources: Pick<AttestWork, "openImage" | "contextTree"> = {
    openImage: async (origin) => await images.open(origin),
    contextTree: async () => await trees.open(undefined, signal),
  };
  return await attestImages({ ...asked, ...sources, store: collaborators.store, progress, epoch, startedAt }, stages);
}

/** One platform is a plain image unless an index is asked for, as with BuildKit. */
async function resultOf(
  images: readonly BuiltImage[],
  { buildArgs }: BuildRequest,
  { store }: Collaborators,
): Promise<Omit<BuildResult, "warnings" | "bases" | "attestations" | "hasNews">> {
  const { platform: _, ...first } = images[0]!;
  if (images.length === 1 && !/^(?:1|t|true)$/i.test(buildArgs.get("BUILDKIT_MULTI_PLATFORM") ?? "")) return { ...first, images };
  const { assembleIndex } = await import("./output/image-index.ts");
  return { ...first, target: await assembleIndex(store, images), images };
}

/** Undefined when the build has none besides the store's own. */
async function openCaches(request: BuildRequest, collaborators: Collaborators, progress: Progress): Promise<BuildCaches | undefined> {
  const { cacheFrom = [], cacheTo = [], buildArgs } = request;
  const inlineCache = request.inlineCache === true || ["1", "true"].includes(buildArgs.get("BUILDKIT_INLINE_CACHE") ?? "");
  if (cacheFrom.length === 0 && cacheTo.length === 0 && !inlineCache) return undefined;
  const caches = await import("./cache/build-caches.ts");
  return await caches.openCaches(
    collaborators.store,
    { ...request, inlineCache },
    { storage: collaborators.cacheStorage, platform: request.platforms[0] ?? hostPlatform(), progress },
  );
}

/** Provenance tells what was read from elsewhere. */
async function pinsOf({ attest }: BuildRequest, { pins }: Collaborators): Promise<RecordingPins | undefined> {
  if (attest?.provenance === undefined) return undefined;
  return (await import("./attest/recording-pins.ts")).recordingPins(pins);
}
