/** strata push: an image into its registry. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { StoreError } from "../../store/errors.ts";
import { parseReference } from "../../store/reference.ts";
import { parsePlatform } from "../../store/image/platform.ts";
import { checkWritable } from "../check-writable.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { pushImage } from "../push-image.ts";
import { tellDefaultTag, wholeRepository } from "../registry/default-tag.ts";
import { addRemoteFlags, readRemoteFlags, type RemoteFlagValues } from "../registry/remote-flags.ts";
import { remoteName } from "../registry/remote-name.ts";

type Flags = RemoteFlagValues & {
  readonly quiet?: boolean;
  readonly allTags?: boolean;
  readonly platform?: string;
  readonly digestfile?: string;
};

export function command(context: Context): Command {
  const push = new Command()
    .description("Push an image to a registry")
    .argument("<name>", "name with registry and tag")
    .option("-q, --quiet", "print only the name")
    .option("-a, --all-tags", "every tag that the repository has here")
    .option("--platform <platform>", "of an image for several platforms, only this one")
    .option("--digestfile <file>", "write the digest that it has there into a file");
  return addRemoteFlags(push).action(async (name: string, flags: Flags) => await run(context, remoteName(name, "push"), flags));
}

async function run(context: Context, name: string, flags: Flags): Promise<void> {
  const { quiet = false, allTags = false, platform, digestfile } = flags;
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  if (digestfile !== undefined && allTags) throw new UsageError("--digestfile and --all-tags exclude each other");
  if (digestfile !== undefined) checkWritable(digestfile);
  if (!quiet && !allTags) tellDefaultTag(context.stdout, name);
  for (const each of allTags ? await namesHere(context, name) : [name]) {
    const { digest, size } = await pushImage(context, each, { ...readRemoteFlags(flags), progress: quiet ? undefined : context.stdout, platform: wanted });
    if (digestfile !== undefined) await writeFile(digestfile, digest);
    if (!quiet) context.stdout.write(`${parseReference(each).tag ?? digest}: digest: ${digest} size: ${size}\n`);
  }
  const { domain, path, name: whole } = parseReference(name);
  if (quiet) context.stdout.write(`${allTags ? `${domain}/${path}` : whole}\n`);
}

/** @throws {StoreError} `IMAGE_UNKNOWN` */
async function namesHere(context: Context, repository: string): Promise<readonly string[]> {
  const { domain, path } = wholeRepository(repository);
  const names = (await (await context.store()).images.list()).flatMap(({ name }) => (name === undefined ? [] : [parseReference(name)]));
  const own = names.filter((other) => other.domain === domain && other.path === path && other.digest === undefined);
  if (own.length === 0) throw new StoreError("IMAGE_UNKNOWN", `An image does not exist locally with the tag: ${repository}`);
  return own.map(({ name }) => name);
}
