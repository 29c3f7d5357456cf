/** A path of this machine, link by link, so that an image can have it under the same names. */
import { lstatSync, readlinkSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { BuilderError } from "../errors.ts";

export interface HostPath {
  /** Symbolic links passed on the way, in order. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** The file at the end, free of links. */
  readonly real: string;
}

const MAX_LINKS = 40;

/** @throws {BuilderError} `SOURCE_UNKNOWN` */
export function walkHostPath(path: string): HostPath {
  const links: { path: string; target: string }[] = [];
  let rest = parts(resolve(path));
  let done = "/";
  while (rest.length > 0) {
    const here = join(done, rest[0] ?? "");
    const status = lstatSync(here, { throwIfNoEntry: false });
    if (status === undefined) throw new BuilderError("SOURCE_UNKNOWN", `Cannot find ${path}: ${here} does not exist`);
    rest = rest.slice(1);
    if (!status.isSymbolicLink()) {
      done = here;
      continue;
    }
    if (links.length === MAX_LINKS) throw new BuilderError("SOURCE_UNKNOWN", `Cannot find ${path}: too many symbolic links`);
    const target = readlinkSync(here);
    links.push({ path: here, target });
    rest = [...parts(resolve(done, target)), ...rest];
    done = "/";
  }
  return { links, real: done };
}

/** Folders that every machine has under the same name; the rest (homes, mounts) must not show in an image. */
export function isSystemPath(path: string): boolean {
  return /^\/(?:usr|bin|sbin|lib[^/]*|etc|opt|nix|gnu)\//.test(path);
}

function parts(path: string): string[] {
  return posix
    .normalize(path)
    .split("/")
    .filter((part) => part !== "");
}
