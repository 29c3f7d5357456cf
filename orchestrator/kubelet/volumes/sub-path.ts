/**
 * A `subPath` of a volume, refused where it leads out. Containers write into volumes, links as well: what is found here may be another thing
 * when it is mounted, so the mount looks again, and cannot leave the volume. This look is for the words. Spec: CVE-2017-1002101, CVE-2021-25741.
 */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { localPathProblem } from "../../schema/names.ts";
import { StartError } from "../errors.ts";

/** The path below the volume; undefined for the volume itself. @throws {StartError} `CreateContainerConfigError` */
export function checkedSubPath(volume: string, wanted: string): string | undefined {
  const problem = localPathProblem(wanted);
  if (problem !== undefined)
    throw new StartError("CreateContainerConfigError", `failed to prepare subPath for volumeMount: ${JSON.stringify(wanted)} ${problem}`);
  const inside = posix.join("/", wanted).slice(1);
  if (inside === "") return undefined;
  const [top, path] = [resolve(volume), resolve(join(volume, inside))];
  if (path !== top && !path.startsWith(`${top}/`))
    throw new StartError("CreateContainerConfigError", `failed to prepare subPath for volumeMount: "${wanted}" leads out of its volume`);
  return inside;
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
