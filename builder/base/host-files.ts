/** Files and folders of this machine that the user names one by one; what programs among them need comes along. */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { BuilderError } from "../errors.ts";
import type { Gatherer } from "./gather.ts";
import type { Tree } from "./tree.ts";

export interface NamedFile {
  readonly source: string;
  readonly destination: string;
}

/** `HOST[:DEST]`; without DEST the file keeps its path. @throws {BuilderError} `SOURCE_UNKNOWN` */
export function parseNamedFile(text: string): NamedFile {
  const at = text.lastIndexOf(":/");
  const [source, destination] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, text];
  if (destination.startsWith("/") && destination !== "/") return { source, destination };
  throw new BuilderError("SOURCE_UNKNOWN", `Cannot add ${text}: ${destination} is no absolute path below /`, {
    hint: "Write HOST:DEST, as in --file app.conf:/etc/app.conf",
  });
}

/** Permission bits are kept, owners and times are not. @throws {BuilderError} `SOURCE_UNKNOWN` */
export function addNamedFile(tree: Tree, gatherer: Gatherer, { source, destination }: NamedFile): void {
  const status = statSync(source, { throwIfNoEntry: false });
  if (status === undefined) throw new BuilderError("SOURCE_UNKNOWN", `Cannot add ${source}: it does not exist`);
  const real = realpathSync(source);
  addPath(tree, gatherer, real, destination, status);
  if (status.isFile()) gatherer.follow(real);
}

function addPath(tree: Tree, gatherer: Gatherer, source: string, destination: string, status: Stats): void {
  const mode = status.mode & 0o7777;
  if (status.isSymbolicLink()) tree.symlink(destination, readlinkSync(source));
  if (status.isFile()) {
    tree.copy(destination, source, status.size, { mode });
    if (gatherer.isElf(source)) gatherer.follow(source);
  }
  if (!status.isDirectory()) return; // sockets and devices stay here
  tree.directory(destination, { mode });
  for (const name of readdirSync(source).toSorted()) addPath(tree, gatherer, join(source, name), join(destination, name), lstatSync(join(source, name)));
}
