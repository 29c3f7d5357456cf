/** build: Dockerfile → instructions → plan → layers → image. */
import { hostPlatform } from "../store/image/platform.ts";
import type { Platform } from "../store/oci.ts";
import { assemble, layersOf } from "./assemble.ts";
import type { Attestation } from "./attest/options.ts";
import type { RecordingPins } from "./attest/recording-pins.ts";
import type { BuildCaches } from "./cache/build-caches.ts";
import { ContextTrees } from "./context/open-trees.ts";
import { frame } from "./dockerfile/frame.ts";
import type { Dockerfile } from "./dockerfile/instruction.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { DEFAULT_EPOCH, EPOCH_ARG, firstEpoch } from "./epoch.ts";
import { BuilderError } from "./errors.ts";
import { basesOf } from "./plan/bases.ts";
import type { ImageOrigin } from "./plan/graph.ts";
import { planBuild, type PlannedBuild } from "./plan/plan.ts";
import { Progress } from "./progress.ts";
import type { BuildRequest, BuildResult, BuiltImage, Collaborators } from "./request.ts";
import { openCache } from "./solve/cache.ts";
import { lineageOf } from "./solve/lineage.ts";
import { BaseImages } from "./solve/open-image.ts";
import { RunFolder, sweepScratch } from "./solve/run-folder.ts";
import { solve } from "./solve/solve.ts";
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
  const store = caches?.store ?? collaborators.store;
  const cache = openCache(collaborators.store, caches?.imports);
  await using scratch = RunFolder.open(collaborators.scratch);
  const trees = new ContextTrees(request, collaborators, scratch.path());
  const { graph, targets, platforms } = planned;
  const pins = await pinsOf(request, collaborators);
  const attested = async (built: readonly BuiltImage[], chains: Chains, signal: AbortSignal): Promise<readonly Attestation[]> => {
    if (request.attest === undefined) return [];
    const { attestImages } = await import("./attest/attest.ts");
    const sources = { openImage: async (origin: ImageOrigin) => await images.open(origin), contextTree: async () => await trees.open(undefined, signal) };
    const work = { attest: request.attest, request, dockerfile, graph, chains, store, progress, epoch, startedAt, materials: pins?.materials() ?? [] };
    const stages = built.map((image, at) => ({ ...image, stage: targets[at]! }));
    return await attestImages({ ...work, ...sources }, stages);
  };
  const attempt = async (): Promise<Omit<BuildResult, "warnings" | "bases" | "hasNews">> => {
    using abort = linkedAbort(collaborators.signal);
    const chains = await solve({
      request,
      collaborators: { ...collaborators, store, ...(pins === undefined ? {} : { pins }) },
      scratch: scratch.path(),
      epoch,
      cache,
      progress,
      graph,
      signal: abort.signal,
      contextTree: async (name) => await trees.open(name, abort.signal),
      unpack: async (origin, name) => await images.unpack(origin, name),
      fail: (reason) => abort.fail(reason),
      placeOf: (step) => frame(dockerfile, step.place),
      identityOf: stepPlaces(request, graph),
    });
    const vertex = progress.start("exporting to image", { after: targets.flatMap((target) => lineageOf(graph, { stage: target }, []).after) });
    const built = await Promise.all(
      targets.map(async (target, at): Promise<BuiltImage> => {
        const chain = chains.get(target);
        const extra = caches === undefined ? {} : await caches.inline(cache.used, await layersOf(store, chain));
        return { ...(await assemble(store, { ...graph, target }, chain, { epoch, labels: request.labels, extra })), chain, platform: platforms[at]! };
      }),
    );
    const result = await resultOf(built, request, collaborators);
    for (const { id } of built) vertex.status({ id: `writing image ${id}`, current: 0, isDone: true });
    vertex.done();
    await caches?.export(
      cache.used,
      built.map(({ chain }) => chain),
    );
    return { ...result, attestations: await attested(built, chains, abort.signal) };
  };
  try {
    return {
      ...(await (caches === undefined ? attempt() : caches.retrying(attempt))),
      warnings: planned.warnings,
      bases: planned.bases,
      hasNews: cache.hasNews,
    };
  } finally {
    await trees.save();
    await cache.settle();
  }
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

type Chains = Awaited<ReturnType<typeof solve>>;

/** Provenance tells what was read from elsewhere. */
async function pinsOf({ attest }: BuildRequest, { pins }: Collaborators): Promise<RecordingPins | undefined> {
  if (attest?.provenance === undefined) return undefined;
  return (await import("./attest/recording-pins.ts")).recordingPins(pins);
}

export function loadDefinition({ dockerfile: { text, file }, buildArgs }: BuildRequest, progress: Progress): Dockerfile {
  const vertex = progress.start(`[internal] load build definition from ${file}`);
  const dockerfile = parseDockerfile(text, file, buildArgs.get("BUILDKIT_SYNTAX"));
  vertex.done();
  return dockerfile;
}

export interface Plan extends PlannedBuild {
  /** The stage that is each platform's image. */
  readonly targets: readonly number[];
  readonly platforms: readonly Platform[];
  readonly bases: BuildResult["bases"];
}

export async function plan(dockerfile: Dockerfile, request: BuildRequest, images: BaseImages): Promise<Plan> {
  const machine = hostPlatform();
  const { target, buildArgs, contexts, allow } = request;
  const platforms = request.platforms.length === 0 ? [machine] : request.platforms;
  const planned = await Promise.all(
    platforms.map(
      async (platform) =>
        await planBuild(dockerfile, { target, platform, machine, buildArgs, contexts, allow, openImage: async (origin) => await images.open(origin) }),
    ),
  );
  const [only] = planned;
  const bases = basesOf(planned.map(({ graph }) => graph));
  if (only !== undefined && planned.length === 1) return { ...only, targets: [only.graph.target], platforms, bases };
  const { mergeGraphs } = await import("./plan/merge-graphs.ts");
  const warnings = new Map(planned.flatMap((one) => one.warnings).map((warning) => [JSON.stringify(warning), warning]));
  return { ...mergeGraphs(planned.map(({ graph }) => graph)), warnings: [...warnings.values()], epoch: only?.epoch, platforms, bases };
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

/** What the command line says, then the environment, then the Dockerfile. */
export function epochOf(request: BuildRequest, planned: PlannedBuild): number {
  return firstEpoch(request.buildArgs.get(EPOCH_ARG)) ?? request.epoch ?? firstEpoch(planned.epoch) ?? DEFAULT_EPOCH;
}

interface LinkedAbort extends Disposable {
  readonly signal: AbortSignal;
  fail(reason: unknown): void;
}

/** Aborts with the caller, or when a step fails. */
function linkedAbort(outer: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController();
  const follow = (): void => controller.abort(outer?.reason ?? new BuilderError("CANCELLED", "Cannot finish the build: it was cancelled"));
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    fail: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => outer?.removeEventListener("abort", follow),
  };
}
