/** strata push: an image into its registry. */
import { Command } from "commander";
import { parseReference } from "../../store/reference.ts";
import { parsePlatform } from "../../store/image/platform.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { pushImage } from "../push-image.ts";

interface Flags {
  readonly quiet?: boolean;
  readonly insecure?: boolean;
  readonly platform?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Push an image to a registry")
    .argument("<name>", "name with registry and tag")
    .option("-q, --quiet", "print only the name")
    .option("--insecure", "accept plain HTTP and untrusted certificates")
    .option("--platform <platform>", "of an image for several platforms, only this one")
    .action(async (name: string, { quiet = false, insecure = false, platform }: Flags) => {
      const wanted = platform === undefined ? undefined : parsePlatform(platform);
      if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
      const { digest, size } = await pushImage(context, name, { progress: !quiet, insecure, platform: wanted });
      const reference = parseReference(name);
      context.stdout.write(quiet ? `${reference.name}\n` : `${reference.tag ?? digest}: digest: ${digest} size: ${size}\n`);
    });
}
