/** Lays out a row of the corpus: a context of its own on disk, and the Dockerfile in it. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Origin, Row } from "../corpus/row.ts";
import { completed, findFence } from "./fence.ts";
import { findInGoTable } from "./go-table.ts";
import { findInGoTest } from "./go-test.ts";

interface Place {
  readonly context: string;
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
}

export interface Layout extends Place {
  /** What it builds on, by name. */
  readonly before: readonly (Place & { readonly tag: string })[];
}

/** What the instructions of the documents copy. */
const DOCUMENT_CONTEXT = ["test.txt", "hom", "home.txt", "homd.txt", "arr[0].txt", "files1", "files2"];

/** Undefined when the source has no such Dockerfile: the package has another version. `folder` is made, with what else is needed beside it. */
export function layOut({ origin, before = [] }: Row, root: string, folder: string): Layout | undefined {
  const layout = layOutOne(origin, root, folder);
  const parents = before.map(({ tag, origin }, index) => ({ tag, layout: layOutOne(origin, root, `${folder}.before-${index}`) }));
  if (layout === undefined || parents.some(({ layout }) => layout === undefined)) return undefined;
  return { ...layout, before: parents.flatMap(({ tag, layout }) => (layout === undefined ? [] : [{ tag, ...layout }])) };
}

function layOutOne(origin: Origin, root: string, folder: string): Place | undefined {
  if (!existsSync(join(root, origin.file))) return undefined;
  if (origin.kind === "file") return copied(root, origin.context, origin.file, folder);
  const text = readFileSync(join(root, origin.file), "utf8");
  switch (origin.kind) {
    case "fence": {
      const block = findFence(text, origin.nth);
      return block === undefined ? undefined : written(folder, completed(block), new Map(DOCUMENT_CONTEXT.map((name) => [name, `${name}\n`])));
    }
    case "go-test": {
      const found = findInGoTest(text, origin.test, origin.nth);
      return found === undefined ? undefined : written(folder, found.dockerfile, found.files);
    }
    case "go-table": {
      const entry = findInGoTable(text, origin.entry);
      if (entry === undefined) return undefined;
      if (entry.context !== undefined) copyTree(join(root, origin.contexts, entry.context), folder);
      return written(folder, entry.dockerfile, new Map(entry.ignore === undefined ? [] : [[".dockerignore", entry.ignore]]));
    }
  }
}

function copied(root: string, context: string, file: string, folder: string): Place | undefined {
  if (!existsSync(join(root, context))) return undefined;
  copyTree(join(root, context), folder);
  const inside = relative(context, file);
  if (!inside.startsWith("..")) return { context: folder, dockerfile: join(folder, inside) };
  const dockerfile = `${folder}.Dockerfile`;
  cpSync(join(root, file), dockerfile);
  return { context: folder, dockerfile };
}

/** Links stay as they are; modes and times too. */
function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}

function written(folder: string, dockerfile: string, files: ReadonlyMap<string, string>): Place {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const path = join(folder, "Dockerfile");
  writeFileSync(path, dockerfile);
  return { context: folder, dockerfile: path };
}
