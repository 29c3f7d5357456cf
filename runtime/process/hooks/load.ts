/** The way to a container's hooks; most have none and load nothing. */
import type { Spec } from "../../spec.ts";
import type { HookLife } from "./life.ts";

/** @throws {RuntimeError} `SPEC_INVALID` */
export async function loadHooks(spec: Spec, id: string, bundle?: string): Promise<HookLife | undefined> {
  if (spec.hooks === undefined || Object.keys(spec.hooks).length === 0) return undefined;
  const { hookLife } = await import("./life.ts");
  return hookLife(spec, id, bundle);
}
