/** What `-f` names: files, folders and standard input, read as kubectl reads them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { parseAllDocuments } from "yaml";
import type { Draft } from "../../orchestrator/cluster.ts";
import { collect } from "../collect.ts";
import type { Context } from "../context.ts";
import { ExitError, UsageError } from "../errors.ts";

export interface ManifestFlags {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly kustomize?: string;
}

export interface Manifest {
  /** The file, or STDIN. */
  readonly source: string;
  readonly draft: Draft;
}

export function addManifestFlags(command: Command): Command {
  return command
    .option("-f, --filename <path>", "file or folder of manifests, - for standard input", collect, [])
    .option("-R, --recursive", "folders within folders of -f too")
    .option("-k, --kustomize <folder>", "refused: there is no kustomize here");
}

/** In order. @throws {UsageError} @throws {ExitError} naming the file that cannot be read */
export async function readManifests(context: Context, { filename, recursive = false, kustomize }: ManifestFlags): Promise<readonly Manifest[]> {
  if (kustomize !== undefined)
    throw new UsageError(`Cannot read ${kustomize} with -k: there is no kustomize in strata\n'kubectl kustomize ${kustomize} | strata apply -f -' does it`);
  const read = async (path: string): Promise<readonly Manifest[]> =>
    path === "-" ? parseManifests("STDIN", await readAll(context.stdin)) : filesOf(path, recursive).flatMap((file) => parseManifests(file, readText(file)));
  return (await Promise.all(filename.map(read))).flat();
}

function filesOf(path: string, recursive: boolean): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const entries = readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return recursive ? filesOf(inner, true) : [];
    return /\.(?:ya?ml|json)$/.test(entry.name) ? [inner] : [];
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const isThere = !(error instanceof Error && "code" in error && error.code === "ENOENT");
    throw new ExitError(1, `Cannot read ${path}: ${isThere ? (error as Error).message : "there is no such file or folder"}`);
  }
}

function parseManifests(source: string, text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new ExitError(1, `error parsing ${source}: ${problem.message}`);
    const value = document.toJS() as (Draft & { readonly items?: readonly Draft[] }) | null | undefined;
    const drafts = value === null || value === undefined ? [] : value.kind === "List" ? (value.items ?? []) : [value];
    return drafts.map((draft) => ({ source, draft }));
  });
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
