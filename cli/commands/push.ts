/** strata push: an image into its registry. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { parseReference } from "../../store/reference.ts";
import { parsePlatform } from "../../store/image/platform.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { pushImage } from "../push-image.ts";
import { addRemoteFlags, readRemoteFlags, type RemoteFlagValues } from "../registry/remote-flags.ts";

type Flags = RemoteFlagValues & {
  readonly quiet?: boolean;
  readonly platform?: string;
  readonly digestfile?: string;
};

export function command(context: Context): Command {
  const push = new Command()
    .description("Push an image to a registry")
    .argument("<name>", "name with registry and tag")
    .option("-q, --quiet", "print only the name")
    .option("--platform <platform>", "of an image for several platforms, only this one")
    .option("--digestfile <file>", "write the digest that it has there into a file");
  return addRemoteFlags(push).action(async (name: string, flags: Flags) => await run(context, name, flags));
}

async function run(context: Context, name: string, flags: Flags): Promise<void> {
  const { quiet = false, platform, digestfile } = flags;
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  const { digest, size } = await pushImage(context, name, { ...readRemoteFlags(flags), progress: !quiet, platform: wanted });
  if (digestfile !== undefined) await writeFile(digestfile, digest);
  const reference = parseReference(name);
  context.stdout.write(quiet ? `${reference.name}\n` : `${reference.tag ?? digest}: digest: ${digest} size: ${size}\n`);
}
