/** What made each layer, as the config's history tells. Spec: image-spec v1.1, config.md, "history". */
import type { ImageConfig } from "../oci.ts";

/** One for each layer, lowest first; "" where the history does not say. */
export function layerInstructions({ rootfs, history }: Pick<ImageConfig, "rootfs" | "history">): readonly string[] {
  const told = (history ?? []).filter(({ empty_layer: isEmpty }) => isEmpty !== true).map(({ created_by: text }) => text ?? "");
  return rootfs.diff_ids.map((_, index) => told[index] ?? "");
}
