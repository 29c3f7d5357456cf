/** Pure: the points of a launch at which hooks run, as the helper's operations. */
import type { Spec } from "../../spec.ts";
import type { Operation } from "../operation.ts";
import { hooksOf, stateHalves, type ContainerHook } from "./hooks.ts";

export interface Hooked {
  readonly id: string;
  readonly spec: Spec;
  readonly bundle?: string | undefined;
}

/** Before the root changes: first those outside, which the caller runs, then those inside. */
export function lowerCreateHooks(input: Hooked): readonly Operation[] {
  const outside = hooksOf(input.spec, "prestart", "createRuntime").length > 0;
  const inside = operationsOf(input, "createContainer", "creating");
  return [...(outside ? [["hooks"] as const] : []), ...inside];
}

/** Just before the program, as its user and with no more rights: what runs is the image's. */
export function lowerStartHooks(input: Hooked): readonly Operation[] {
  return operationsOf(input, "startContainer", "created");
}

function operationsOf({ id, spec, bundle }: Hooked, kind: ContainerHook, status: "creating" | "created"): readonly Operation[] {
  const state = stateHalves({ id, status, bundle, annotations: spec.annotations });
  return hooksOf(spec, kind).map(({ path, args, env, timeout }): Operation => {
    const words = args === undefined || args.length === 0 ? [path] : args;
    return ["hook", kind, timeout ?? 0, ...state, path, words.length, ...words, ...(env ?? [])];
  });
}
