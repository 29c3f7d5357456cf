/** Brings the sources of the corpus into the cache, each once. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.ts";
import { type Source, type SourceName, SOURCES } from "../corpus/sources.ts";
import { ConformanceError } from "../errors.ts";
import { type Apt, unpackSource } from "./debian.ts";

/** Folders in which the paths of rows begin, by source. What is not to be had is left out, and said. */
export async function fetchSources(cache: string, names: readonly SourceName[], apt: () => Promise<Apt>, say: (line: string) => void) {
  const roots = new Map<SourceName, string>();
  for (const name of names) {
    try {
      roots.set(name, rootOf(await fetchPackage(cache, SOURCES[name], apt), SOURCES[name], say));
    } catch (error) {
      if (!(error instanceof ConformanceError)) throw error;
      say(`missing source ${name}: ${error.message}`);
    }
  }
  return roots;
}

async function fetchPackage(cache: string, source: Source, apt: () => Promise<Apt>): Promise<string> {
  const folder = join(cache, "sources", `${source.from}-${source.package}`);
  if (existsSync(folder)) return folder;
  mkdirSync(join(cache, "sources"), { recursive: true });
  const [archives, unpacked] = [mkdtempSync(join(cache, "fetch-")), mkdtempSync(join(cache, "unpack-"))];
  try {
    if (source.from === "debian") {
      await (await apt()).source(source.package, archives);
      await unpackSource(archives, unpacked);
    } else {
      await run(["npm", "pack", "--silent", `${source.package}@${source.version}`], { cwd: archives });
      for (const archive of readdirSync(archives))
        await run(["tar", "--extract", "--no-same-owner", "--file", join(archives, archive), "--directory", unpacked]);
    }
    renameSync(unpacked, folder); // whole or absent
  } finally {
    for (const path of [archives, unpacked]) rmSync(path, { recursive: true, force: true });
  }
  return folder;
}

/** Debian's archives carry the version in the name of their top folder. */
function rootOf(folder: string, source: Source, say: (line: string) => void): string {
  let path = folder;
  for (const part of source.root.split("/")) {
    const [start = "", end] = part.split("*");
    const found = readdirSync(path).find((name) => (end === undefined ? name === part : name.startsWith(start) && name.endsWith(end)));
    if (found === undefined) throw new ConformanceError(`Cannot find ${source.root} in the package ${source.package}`);
    if (end !== undefined && !found.includes(source.version)) say(`${source.package}: the rows were read from ${source.version}, this is ${found}`);
    path = join(path, found);
  }
  return path;
}
