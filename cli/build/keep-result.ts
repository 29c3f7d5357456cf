/** Where the result of a build goes: its names in the store, as mostly, or the outputs that were asked for. */
import type { BuildResult } from "../../builder/request.ts";
import type { Descriptor } from "../../store/oci.ts";
import { parseReference } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import type { BuildFlags } from "./flags.ts";
import type { OutputWork, WrittenImage } from "./write-output.ts";

export type WriteOutputs = (work: Omit<OutputWork, "annotations">) => Promise<WrittenImage>;

/** Undefined: nothing but an image in the store is wanted. Wrong flags are told before anything is built. */
export async function outputsOf(flags: BuildFlags): Promise<WriteOutputs | undefined> {
  if (flags.output.length === 0 && flags.push !== true && flags.annotation.length === 0) return undefined;
  const [{ planOutputs }, { parseAnnotation }] = await Promise.all([import("./parse-output.ts"), import("../../builder/output/annotations.ts")]);
  const outputs = planOutputs(flags);
  const annotations = flags.annotation.flatMap(parseAnnotation);
  return async (work) => await (await import("./write-output.ts")).writeOutputs({ ...work, annotations }, outputs);
}

/** The names of --tag, canonical. @throws {StoreError} `REFERENCE_INVALID` */
export function namesOf({ tag }: BuildFlags): readonly string[] {
  return tag.map((name) => parseReference(name).name);
}

export async function keepImage(store: Store, names: readonly string[], { target }: BuildResult): Promise<WrittenImage> {
  for (const name of names) await tagImage(store, name, target);
  if (names.length === 0) await store.images.keep(target);
  return { target, names };
}

/** A name that points there already is left alone: a write has to reach the disk. */
async function tagImage(store: Store, name: string, target: Descriptor): Promise<void> {
  if ((await store.images.find(name))?.target.digest !== target.digest) await store.images.tag(name, target);
}
