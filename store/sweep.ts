/** What a crash left is removed when the store is next opened: unfinished files and folders, and snapshots that died with their process. */
import { removeTreeSync } from "./remove-tree.ts";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { sweepPartials } from "./blob/partials.ts";
import { WRITER_SUFFIX } from "./care/session.ts";
import type { Layout } from "./layout.ts";
import { isAbandoned } from "./owner.ts";
import { isOrphan, listActive, removeActive } from "./snapshot/active.ts";

/** Cheap when there is nothing to do: two folders are listed. */
export async function sweepStore(layout: Layout): Promise<void> {
  sweepPartials(layout, Date.now());
  for (const name of readdirSync(layout.ingest)) {
    if (isAbandoned(name.replace(WRITER_SUFFIX, ""))) removeTreeSync(join(layout.ingest, name));
  }
  for (const key of listActive(layout)) {
    if (isOrphan(layout, key)) await removeActive(layout, key);
  }
}
