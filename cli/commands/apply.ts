/** strata apply -f FILE: brings the cluster to what manifests say. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { parseAllDocuments } from "yaml";
import type { Draft } from "../../orchestrator/cluster.ts";
import { applyManifest } from "../../orchestrator/client/apply.ts";
import { addNamespaceFlag, reachCluster } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { ExitError, UsageError } from "../errors.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly filename: readonly string[];
  readonly namespace: string;
  readonly dryRun?: string;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Bring the cluster to what manifests say")
    .option("-f, --filename <path>", "file or folder of manifests, - for standard input", collect, [])
    .option("--dry-run <how>", "server: check and change nothing");
  return addNamespaceFlag(verb).action(async ({ filename, namespace, dryRun }: Flags) => {
    if (filename.length === 0) throw new UsageError("must specify -f");
    if (dryRun !== undefined && dryRun !== "server") throw new UsageError("--dry-run knows only server");
    const manifests = (await Promise.all(filename.map(async (path) => await readManifests(context, path)))).flat();
    if (manifests.length === 0) throw new ExitError(1, "no objects passed to apply");
    using client = await reachCluster(context);
    for (const manifest of manifests) {
      const { name, outcome } = await applyManifest(client, manifest, { namespace, manager: "strata", dryRun: dryRun === "server" });
      context.stdout.write(`${name} ${outcome}${dryRun === undefined ? "" : " (server dry run)"}\n`);
    }
  });
}

async function readManifests(context: Context, path: string): Promise<readonly Draft[]> {
  if (path === "-") return parseManifests("standard input", await readAll(context.stdin));
  const files =
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
      ? readdirSync(path)
          .filter((name) => /\.(?:ya?ml|json)$/.test(name))
          .toSorted()
          .map((name) => join(path, name))
      : [path];
  return files.flatMap((file) => parseManifests(file, readText(file)));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const isThere = !(error instanceof Error && "code" in error && error.code === "ENOENT");
    throw new ExitError(1, `Cannot read ${path}: ${isThere ? (error as Error).message : "there is no such file or folder"}`);
  }
}

function parseManifests(where: string, text: string): readonly Draft[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new ExitError(1, `error parsing ${where}: ${problem.message}`);
    const value = document.toJS();
    return value === null || value === undefined ? [] : value.kind === "List" ? value.items : [value];
  });
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
