/** Where this machine keeps a program. */
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { BuilderError } from "../errors.ts";
import { readHostFile } from "./host-file.ts";

/** Folders that hold programs even where a user's PATH leaves them out. */
const ALWAYS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/**
 * The path of the program `name` (a name on `searchPath`, or a path).
 * `node` falls back to the one that runs now: version managers put a script of that name in front of it.
 * @throws {BuilderError} `PROGRAM_UNKNOWN`
 */
export function findProgram(name: string, searchPath: string): string {
  if (name.includes("/")) {
    if (isProgram(name)) return name;
    throw new BuilderError("PROGRAM_UNKNOWN", `Cannot find the program ${name}: there is no such executable file`);
  }
  const folders = [...new Set([...searchPath.split(":").filter((folder) => folder.startsWith("/")), ...ALWAYS])];
  const found = folders.map((folder) => join(folder, name)).find(isProgram);
  if (name === "node" && (found === undefined || readHostFile(found).kind !== "elf")) return process.execPath;
  if (found !== undefined) return found;
  throw new BuilderError("PROGRAM_UNKNOWN", `Cannot find the program ${name}: it is in none of ${folders.join(", ")}`, {
    hint: `Install it, leave it out of --bin, or give its path: --bin /path/to/${name}`,
  });
}

function isProgram(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false; // it throws in a folder of PATH that this user may not read, too
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
