/** Where a file is that is named through links, also through one that leads to nothing yet. */
import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** As in Linux: a path through more of them leads nowhere. */
const MAX_LINKS = 40;

/** What cannot be followed is taken as it is. */
export function realPlace(path: string): string {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      at = join(realpathSync(dirname(at)), basename(at));
      at = resolve(dirname(at), readlinkSync(at));
    } catch {
      return at; // no link, or nothing there
    }
  }
  return path;
}
