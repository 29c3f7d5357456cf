/** strata copy: an image from one place to another, its bytes unchanged. */
import { Command } from "commander";
import { isIndex } from "../../store/image/documents.ts";
import { hostPlatform, parsePlatform } from "../../store/image/platform.ts";
import { copyImage, readDocument } from "../../store/image/copy.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { parsePlace } from "../copy/place.ts";
import { openSource } from "../copy/source.ts";
import { openTarget } from "../copy/target.ts";
import { PUSH_WORDS, showTransfers } from "../registry/transfer-progress.ts";

interface Flags {
  readonly all?: boolean;
  readonly platform?: string;
  readonly quiet?: boolean;
  readonly insecure?: boolean;
  readonly referrers: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Copy an image between registries, the store, folders and archives")
    .argument("<source>", "docker://REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], dir:DIR, or an image of the store")
    .argument("<destination>", "likewise")
    .option("-a, --all", "all platforms of an image that has several")
    .option("--platform <platform>", "instead of this machine's: os/architecture[/variant]")
    .option("-q, --quiet", "say nothing but the digest")
    .option("--no-referrers", "leave behind what is attached to it: SBOMs, provenance, signatures")
    .option("--insecure", "accept plain HTTP and untrusted certificates")
    .action(async (from: string, to: string, flags: Flags) => await run(context, from, to, flags));
}

async function run(context: Context, from: string, to: string, { all = false, platform, quiet = false, insecure = false, referrers }: Flags): Promise<void> {
  const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
  if (wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  const places = { from: parsePlace(from), to: parsePlace(to) };
  using shown = showTransfers(context.stderr, PUSH_WORDS, quiet);
  await using source = await openSource(context, places.from, insecure);
  await using target = await openTarget(context, places.to, insecure, shown.onTransfer);
  const top = await copyImage(source.content, target.content, source.top, { concurrency: 4, ...(all || !isIndex(source.top) ? {} : { platform: wanted }) });
  await target.finish(top, await readDocument(source.content, top));
  if (referrers) await (await import("../copy/copy-referrers.ts")).copyReferrers(source, target, top);
  await target.close?.();
  context.stdout.write(`${top.digest}\n`);
}
