/** strata pull: an image from its registry. */
import { Command } from "commander";
import { parsePlatform } from "../../store/image/platform.ts";
import { parseReference } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { pullImage } from "../pull-image.ts";

interface Flags {
  readonly quiet?: boolean;
  readonly insecure?: boolean;
  readonly platform?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Pull an image from a registry")
    .argument("<name>", "name with registry and tag or digest")
    .option("-q, --quiet", "print only the name")
    .option("--insecure", "accept plain HTTP and untrusted certificates")
    .option("--platform <platform>", "instead of this machine's: os/architecture[/variant]")
    .action(async (name: string, { quiet = false, insecure = false, platform }: Flags) => {
      const wanted = platform === undefined ? undefined : parsePlatform(platform);
      if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
      await pullImage(context, name, { refresh: true, progress: !quiet, insecure, platform: wanted });
      context.stdout.write(`${parseReference(name).name}\n`);
    });
}
