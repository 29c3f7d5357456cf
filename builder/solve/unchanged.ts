/** What was hashed for a step's key must be what was copied: else the cache would give one content for another, from then on. */
import { lstatSync } from "node:fs";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

/** Told by stat data, which any write changes. @throws {BuilderError} `SOURCE_CHANGED` */
export function checkUnchanged(entries: Iterable<SourceEntry>): void {
  for (const { file, stamp } of entries) {
    if (stamp === undefined) continue;
    const now = lstatSync(file, { throwIfNoEntry: false });
    if (now?.ino === stamp.ino && now.mtimeMs === stamp.mtimeMs && now.ctimeMs === stamp.ctimeMs) continue;
    throw new BuilderError("SOURCE_CHANGED", `Cannot copy ${file}: it changed while it was copied`, { hint: "Build again when nothing writes to the context" });
  }
}
