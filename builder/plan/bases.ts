/** Which image each stage of the Dockerfile stands on, for those who judge it. */
import type { Platform } from "../../store/oci.ts";
import type { Image } from "../../store/store.ts";
import { matches } from "../../store/image/platform.ts";
import type { BuildGraph } from "./graph.ts";

export interface StageImage {
  readonly image: Image;
  readonly reference: string;
  /** That the stage is for. */
  readonly platform: Platform;
}

/** By the stage's number. Of several platforms one that the image is not for is told rather than one that it is. */
export function basesOf(graphs: readonly BuildGraph[]): ReadonlyMap<number, StageImage> {
  const bases = new Map<number, StageImage>();
  for (const { base, image, platform, index } of graphs.flatMap(({ stages }) => stages)) {
    if (base.kind !== "image" || image === undefined) continue;
    if (!bases.has(index) || !matches(image.config, platform)) bases.set(index, { image, reference: base.reference, platform });
  }
  return bases;
}
