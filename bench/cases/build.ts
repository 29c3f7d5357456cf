/** A build, by all builders: a context, and the builds of it one after the other. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeBase } from "../base.ts";
import { BUILDERS, type Builder } from "../builder.ts";
import { timed, type Case, type Phase, type Place } from "../case.ts";
import { startBuildah } from "../peers/buildah.ts";
import { startBuildkit } from "../peers/buildkit.ts";
import { startStrata } from "../peers/strata.ts";

export interface BuildPhase extends Phase {
  /** What the user does before this build; not measured. */
  readonly before?: (context: string, round: number) => Promise<void>;
}

export interface Build extends Pick<Case, "name" | "title" | "rounds"> {
  /** Writes the Dockerfile and what it copies into an empty folder. */
  readonly prepare: (context: string) => Promise<void>;
  readonly phases: readonly BuildPhase[];
}

export function buildCase({ prepare, ...build }: Build): Case {
  return {
    ...build,
    peers: BUILDERS,
    open: async (place) => {
      const context = join(place.folder, "context");
      rmSync(context, { recursive: true, force: true });
      mkdirSync(context);
      await prepare(context);
      const builders = await place.shared(startBuilders);
      return builders.map(({ name, reset, build: run }) => ({
        name,
        reset,
        measure: async ({ name: phase }, round) => {
          await build.phases.find((one) => one.name === phase)?.before?.(context, round);
          return await timed(async () => await run({ context, tag: "strata-bench" }));
        },
      }));
    },
  };
}

async function startBuilders(place: Place): Promise<readonly Builder[]> {
  const { folder, run, wants } = place;
  const base = await place.shared(makeBase);
  const builders: Builder[] = [];
  if (wants("strata")) builders.push(startStrata(folder, run, base));
  if (wants("BuildKit")) builders.push(await startBuildkit(folder, run, base));
  if (wants("buildah")) builders.push(startBuildah(folder, run, base));
  return builders;
}
