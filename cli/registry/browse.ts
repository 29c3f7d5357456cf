/** strata registry ls, tags, manifest, referrers, delete: a look into any registry. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { parseReference } from "../../store/reference.ts";
import { ExitError, UsageError } from "../errors.ts";
import { jsonOutput } from "../json-output.ts";
import { isBare } from "./default-tag.ts";
import { openReference, openRegistry } from "./open-remote.ts";
import { addRemoteFlags, readRemoteFlags, type RemoteFlagValues } from "./remote-flags.ts";
import { registryHost, remoteName } from "./remote-name.ts";

type Flags = RemoteFlagValues & {
  readonly output?: string;
  readonly artifactType?: string;
};

export function addBrowseCommands(registry: Command, context: Context): void {
  const add = (usage: string, description: string, run: (target: string, flags: Flags) => Promise<void>): Command =>
    addRemoteFlags(registry.command(usage).description(description)).action(run);
  add("ls <host>", "List the repositories of a registry", async (host, flags) => await list(context, host, flags)).addOption(jsonOutput());
  add("tags <repository>", "List the tags of a repository", async (name, flags) => await tags(context, name, flags)).addOption(jsonOutput());
  add("manifest <reference>", "Print a manifest as it is stored", async (reference, flags) => await manifest(context, reference, flags));
  add(
    "referrers <reference>",
    "List what is attached to an image: SBOMs, provenance, signatures",
    async (reference, flags) => await referrers(context, reference, flags),
  )
    .option("--artifact-type <type>", "only these")
    .addOption(jsonOutput());
  add("delete <reference>", "Remove a tag, or a manifest by its digest", async (reference, flags) => await remove(context, reference, flags));
}

async function list(context: Context, place: string, flags: Flags): Promise<void> {
  const { listCatalog } = await import("../../registry/client/repository.ts");
  await using remote = await openRegistry(context, readRemoteFlags(flags), registryHost(place, "list the repositories of"));
  print(context, await listCatalog(remote), flags);
}

async function tags(context: Context, name: string, flags: Flags): Promise<void> {
  await using opened = await openReference(context, repositoryName(name), readRemoteFlags(flags));
  print(context, await opened.repository.tags(), flags);
}

/** @throws {UsageError} for the name of one image in it */
function repositoryName(text: string): string {
  const name = remoteName(text, "list the tags of");
  const reference = parseReference(name);
  if (isBare(name, reference)) return name;
  const repository = name.slice(0, name.length - (reference.name.length - `${reference.domain}/${reference.path}`.length));
  const rest = `'strata registry manifest ${name}' prints what it names, 'strata registry tags ${repository}' lists all tags`;
  throw new UsageError(`Cannot list the tags of ${name}: that is one image, not a repository\n${rest}`);
}

async function manifest(context: Context, reference: string, flags: Flags): Promise<void> {
  await using opened = await openReference(context, remoteName(reference, "print"), readRemoteFlags(flags));
  const { bytes } = await opened.repository.read(opened.target);
  context.stdout.write(bytes);
  if (bytes.at(-1) !== 0x0a) context.stdout.write("\n");
}

async function referrers(context: Context, name: string, flags: Flags): Promise<void> {
  const reference = remoteName(name, "list the referrers of");
  await using opened = await openReference(context, reference, readRemoteFlags(flags));
  const subject = await opened.repository.resolve(opened.target);
  if (subject === undefined) throw new ExitError(1, `Cannot list the referrers of ${reference}: there is no such manifest`);
  const found = (await opened.repository.referrers(subject.digest)).filter(({ artifactType }) => [undefined, artifactType].includes(flags.artifactType));
  await (await import("./referrer-rows.ts")).printReferrers(context, found, flags.output);
}

async function remove(context: Context, name: string, flags: Flags): Promise<void> {
  const reference = remoteName(name, "delete");
  await using opened = await openReference(context, reference, readRemoteFlags(flags));
  await opened.repository.remove(opened.target);
  context.stdout.write(`Deleted ${reference}\n`);
}

function print(context: Context, names: readonly string[], { output }: Flags): void {
  context.stdout.write(output === "json" ? `${JSON.stringify(names)}\n` : names.map((name) => `${name}\n`).join(""));
}
