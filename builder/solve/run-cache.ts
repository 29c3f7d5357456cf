/** A cache mount when it is new: empty, or with what another stage or image has. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { isAbandoned, ownedName } from "../../store/owner.ts";
import type { CachePlan } from "../plan/graph.ts";

/** Made aside and moved into place, so that it is never seen half full; whoever is first wins. `seed` are folders, topmost first. */
export async function beginCache(path: string, mount: CachePlan, seed: readonly string[] | undefined): Promise<void> {
  fs.mkdirSync(dirname(path), { recursive: true });
  sweep(path);
  const begun = `${path}-${ownedName()}`;
  try {
    fs.mkdirSync(begun);
    for (const folder of seed?.toReversed() ?? []) await copyOver(folder, begun);
    if (seed === undefined || mount.isOwned) {
      fs.chownSync(begun, mount.uid, mount.gid);
      fs.chmodSync(begun, mount.mode);
    }
    if (!fs.existsSync(path)) fs.renameSync(begun, path);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    removeTreeSync(begun);
  }
}

/** With owners, links and attributes; what the folder hides is taken away. */
async function copyOver(folder: string, into: string): Promise<void> {
  const hidden = whiteouts(folder, "");
  for (const path of hidden) removeTreeSync(join(into, path));
  await promisify(execFile)("cp", ["-aT", "--remove-destination", "--", folder, into]);
  for (const path of hidden) fs.rmSync(join(into, path), { force: true });
}

function whiteouts(folder: string, below: string): readonly string[] {
  return fs.readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.isDirectory()) return whiteouts(folder, path);
    return entry.isCharacterDevice() && fs.lstatSync(join(folder, path)).rdev === 0 ? [path] : [];
  });
}

/** What a crash left of earlier beginnings. */
function sweep(path: string): void {
  const prefix = `${basename(path)}-`;
  for (const name of fs.readdirSync(dirname(path)))
    if (name.startsWith(prefix) && isAbandoned(name.slice(prefix.length))) removeTreeSync(join(dirname(path), name));
}
