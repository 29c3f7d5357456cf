/** What a request asks for, as a plan: the Dockerfile read, one graph for all platforms, the epoch of what will be made. */
import { hostPlatform } from "../store/image/platform.ts";
import type { Platform } from "../store/oci.ts";
import type { Dockerfile } from "./dockerfile/instruction.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { DEFAULT_EPOCH, EPOCH_ARG, firstEpoch } from "./epoch.ts";
import { basesOf } from "./plan/bases.ts";
import { planBuild, type PlannedBuild } from "./plan/plan.ts";
import type { Progress } from "./progress.ts";
import type { BuildRequest, BuildResult } from "./request.ts";
import type { BaseImages } from "./solve/open-image.ts";

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
  const { target, buildArgs, contexts, contextTime, allow } = request;
  const platforms = request.platforms.length === 0 ? [machine] : request.platforms;
  const planned = await Promise.all(
    platforms.map(
      async (platform) =>
        await planBuild(dockerfile, {
          target,
          platform,
          machine,
          buildArgs,
          contexts,
          contextTime,
          allow,
          openImage: async (origin) => await images.open(origin),
        }),
    ),
  );
  const [only] = planned;
  const bases = basesOf(planned.map(({ graph }) => graph));
  if (only !== undefined && planned.length === 1) return { ...only, targets: [only.graph.target], platforms, bases };
  const { mergeGraphs } = await import("./plan/merge-graphs.ts");
  const warnings = new Map(planned.flatMap((one) => one.warnings).map((warning) => [JSON.stringify(warning), warning]));
  return { ...mergeGraphs(planned.map(({ graph }) => graph)), warnings: [...warnings.values()], epoch: only?.epoch, platforms, bases };
}

/** What the command line says, then the environment, then the Dockerfile. */
export function epochOf(request: BuildRequest, planned: PlannedBuild): number {
  return firstEpoch(request.buildArgs.get(EPOCH_ARG)) ?? request.epoch ?? firstEpoch(planned.epoch) ?? DEFAULT_EPOCH;
}
