/** An image without layers: docker makes it, but does not save it. Its configuration is asked for instead. */
import type { Image, ImageConfig } from "../image/archive.ts";

export async function inspectEmpty(docker: (...args: readonly string[]) => Promise<string>, tag: string): Promise<Image> {
  const { Config, Author } = JSON.parse(await docker("image", "inspect", "--format", "{{json .}}", tag)) as { Config: ImageConfig["config"]; Author: string };
  const lines = (await docker("history", "--no-trunc", "--format", "{{json .}}", tag)).split("\n").filter((line) => line !== "");
  const history = lines.map((line) => JSON.parse(line) as { CreatedBy: string; Comment: string }).toReversed();
  return {
    config: {
      author: Author,
      ...(Config === undefined ? {} : { config: Config }),
      history: history.map(({ CreatedBy, Comment }) => ({ created_by: CreatedBy, comment: Comment, empty_layer: true })),
      rootfs: { diff_ids: [] },
    },
    tree: new Map(),
  };
}
