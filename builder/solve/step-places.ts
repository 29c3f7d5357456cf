/** Names for steps that stay while their content changes: by context, file, stage and number. */
import { realpathSync } from "node:fs";
import { digestOf } from "../../store/digest.ts";
import type { BuildGraph, Step } from "../plan/graph.ts";
import type { BuildRequest } from "../request.ts";

/** Hashed, because a key of the database is short. */
export function stepPlaces({ context, dockerfile }: BuildRequest, { stages }: BuildGraph): (step: Step) => string {
  const folder = context === undefined ? "" : realpathSync(context);
  const known = new Map<Step, string>();
  return (step) => {
    let place = known.get(step);
    if (place === undefined) {
      const stage = stages.find(({ index }) => index === step.stage);
      place = digestOf(JSON.stringify([folder, dockerfile.file, stage?.name, stage?.steps.indexOf(step)]));
      known.set(step, place);
    }
    return place;
  };
}
