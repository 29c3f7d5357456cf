/** Where a `subPath` of a volume is on the host. Containers write into volumes, links as well: none may lead out. Spec: CVE-2017-1002101. */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { StartError } from "./errors.ts";

/** @throws {StartError} `CreateContainerConfigError` when a link leads out of the volume */
export function subPath(volume: string, wanted: string): string {
  const inside = posix.join("/", wanted);
  if (inside === "/") return volume;
  const [top, path] = [resolve(volume), resolve(join(volume, inside))];
  if (path !== top && !path.startsWith(`${top}/`))
    throw new StartError("CreateContainerConfigError", `failed to prepare subPath for volumeMount: "${wanted}" leads out of its volume`);
  return path;
}

/** What is missing at the end of a path is taken as it stands, but for links to nowhere. */
function resolve(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw error;
    return join(resolve(dirname(path)), basename(path));
  }
}
