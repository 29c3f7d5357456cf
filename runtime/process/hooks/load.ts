/** The way to a container's hooks; most have none and load nothing. */
import type { Spec } from "../../spec.ts";
import type { HookLife } from "./life.ts";

/** `folder`: the container's state, which its removal takes; hooks that still run end then. @throws {RuntimeError} `SPEC_INVALID` */
export async function loadHooks(spec: Spec, id: string, bundle?: string, folder?: string): Promise<HookLife | undefined> {
  if (spec.hooks === undefined || Object.keys(spec.hooks).length === 0) return undefined;
  const { hookLife } = await import("./life.ts");
  return hookLife(spec, id, bundle, folder);
}
