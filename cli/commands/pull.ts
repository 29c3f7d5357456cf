/** strata pull: an image from its registry. */
import { Command, Option } from "commander";
import { StoreError } from "../../store/errors.ts";
import { parsePlatform, platformOf } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { parseReference } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { isFor, sayOther } from "../images/for-platform.ts";
import { pullImage } from "../pull-image.ts";
import { asked } from "../registry/asked.ts";
import { tellDefaultTag, wholeRepository } from "../registry/default-tag.ts";
import { addRemoteFlags, readRemoteFlags, type RemoteFlagValues } from "../registry/remote-flags.ts";
import { remoteName } from "../registry/remote-name.ts";

type Flags = RemoteFlagValues & {
  readonly quiet?: boolean;
  readonly allTags?: boolean;
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly mirror: readonly string[];
  readonly policy: "always" | "missing" | "newer" | "never";
};

export function command(context: Context): Command {
  const pull = new Command()
    .description("Pull an image from a registry")
    .argument("<name>", "name with registry and tag or digest")
    .option("-q, --quiet", "print only the name")
    .option("-a, --all-tags", "every tag of the repository")
    .option("--platform <platform>", "instead of this machine's: os/architecture[/variant]")
    .option("--all-platforms", "every platform of an image that has several")
    .option("--mirror <host>", "ask this host first: host[:port][/path] (repeatable); see also hosts.toml, registries.conf, daemon.json", collect, [])
    .addOption(new Option("--policy <when>", "when to ask the registry").choices(["always", "missing", "newer", "never"]).default("always"));
  return addRemoteFlags(pull).action(async (name: string, flags: Flags) => await run(context, remoteName(name, "pull"), flags));
}

async function run(context: Context, name: string, flags: Flags): Promise<void> {
  const { quiet = false, platform, allPlatforms = false, mirror, policy } = flags;
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  if (platform !== undefined && allPlatforms) throw new UsageError("--platform and --all-platforms exclude each other");
  const options = { ...readRemoteFlags(flags), progress: quiet ? undefined : context.stdout, platform: wanted, mustMatch: true, allPlatforms, mirrors: mirror };
  if (flags.allTags === true) {
    const { domain, path } = wholeRepository(name);
    for (const tag of await tagsOf(context, name, flags)) await pullImage(context, `${name}:${tag}`, { ...options, refresh: true });
    return void context.stdout.write(`${domain}/${path}\n`);
  }
  if (!quiet && !allPlatforms && policy === "always") tellDefaultTag(context.stdout, name);
  if (policy === "never") await checkHere(context, name, wanted);
  else await pullImage(context, name, { ...options, refresh: policy !== "missing" }).catch(async (error: unknown) => await orHere(context, name, flags, error));
  context.stdout.write(`${parseReference(name).name}\n`);
}

/** @throws {StoreError} `IMAGE_UNKNOWN`, `PLATFORM_UNKNOWN` */
async function checkHere(context: Context, name: string, wanted: Platform | undefined): Promise<void> {
  const image = await (await context.store()).images.open(name, wanted);
  if (wanted !== undefined && !isFor(image, wanted)) throw new StoreError("PLATFORM_UNKNOWN", sayOther(name, wanted, platformOf(image.config)));
}

async function tagsOf(context: Context, name: string, flags: Flags): Promise<readonly string[]> {
  const { openReference } = await import("../registry/open-remote.ts");
  return await asked("pull", name, async () => {
    await using opened = await openReference(context, name, readRemoteFlags(flags));
    return await opened.repository.tags();
  });
}

/** `newer` makes do with what is here while the registry cannot be reached. */
async function orHere(context: Context, name: string, { policy }: Flags, error: unknown): Promise<void> {
  const { RegistryError } = await import("../../registry/errors.ts");
  const isAway = policy === "newer" && error instanceof RegistryError && error.code === "UNREACHABLE";
  if (!isAway || (await (await context.store()).images.find(name)) === undefined) throw error;
  context.stderr.write(`${error.message}; the image that is here is used\n`);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
