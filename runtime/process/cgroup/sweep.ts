/** Groups of foreground runs whose starter was killed, helper and all: nobody else would remove them. */
import { readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { isAbandoned } from "../../../store/owner.ts";
import type { CgroupLayout } from "./layout.ts";

/** Looks at groups below `parent` that are named `<kind>-<owner>`; one with processes in it stays. */
export function sweepGroups(layout: CgroupLayout, parent: string): void {
  for (const { base } of layout.hierarchies) {
    const folder = join(base, parent);
    const abandoned = namesIn(folder).filter((name) => isAbandoned(name.slice(name.indexOf("-") + 1)));
    for (const name of abandoned) removeGroup(join(folder, name));
    if (abandoned.length > 0) removeGroup(folder);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no group of ours is there
  }
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // in use, or gone meanwhile
  }
}
