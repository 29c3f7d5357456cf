/** strata copy: an image from one place to another, its bytes unchanged. */
import { Command, Option } from "commander";
import { isIndex } from "../../store/image/documents.ts";
import { hostPlatform, parsePlatform } from "../../store/image/platform.ts";
import { choosePart, copyImage, readDocument, type CopyOptions } from "../../store/image/copy.ts";
import type { Platform } from "../../store/oci.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import type { Format } from "../copy/convert.ts";
import { tellDestination, tellSource } from "../copy/bare-name.ts";
import { parsePlace } from "../copy/place.ts";
import { checkPlatform } from "../copy/check-platform.ts";
import { writeWholeFile } from "../whole-file.ts";
import { openSource, type CopySource } from "../copy/source.ts";
import { openTarget } from "../copy/target.ts";
import { blaming } from "../../registry/client/blame.ts";
import { RETRY } from "../../registry/client/retry.ts";
import type { ContentSink } from "../../store/content.ts";
import { addRemoteFlags, readRemoteFlags, type RemoteFlagValues } from "../registry/remote-flags.ts";
import { copyWords, showTransfers } from "../registry/transfer-progress.ts";

type Flags = RemoteFlagValues & {
  readonly all?: boolean;
  readonly multiArch?: "system" | "all" | "index-only";
  readonly platform?: string;
  readonly quiet?: boolean;
  readonly insecure?: boolean;
  readonly referrers: boolean;
  readonly digestfile?: string;
  readonly retryTimes?: number;
  readonly format?: "oci" | "v2s2";
  readonly preserveDigests?: boolean;
};

export function command(context: Context): Command {
  const copy = new Command()
    .description("Copy an image between registries, the store, folders and archives")
    .argument("<source>", "docker://REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], dir:DIR, store:NAME, or NAME alone")
    .argument("<destination>", "likewise")
    .option("-a, --all", "all platforms of an image that has several")
    .addOption(
      new Option("--multi-arch <which>", "of an image that has several platforms: this machine's, all, or only the list of them").choices([
        "system",
        "all",
        "index-only",
      ]),
    )
    .addOption(
      new Option("-f, --format <format>", "as OCI or Docker schema 2 image; what is attached names the old digest and stays behind").choices(["oci", "v2s2"]),
    )
    .option("--preserve-digests", "fail rather than change a digest: only --format does")
    .option("--platform <platform>", "instead of this machine's: os/architecture[/variant]")
    .option("-q, --quiet", "say nothing but the digest")
    .option("--no-referrers", "leave behind what is attached to it: SBOMs, provenance, signatures")
    .option("--digestfile <file>", "write the digest into a file")
    .option("--retry-times <count>", `how often a request that fails passingly is sent again (default: ${RETRY.attempts - 1})`, readCount)
    .option("--insecure", "accept plain HTTP and untrusted certificates")
    .option("--authfile <file>", "where logins are kept, instead of the usual files");
  return addRemoteFlags(addRemoteFlags(copy, "src"), "dest").action(async (from: string, to: string, flags: Flags) => await run(context, from, to, flags));
}

async function run(context: Context, from: string, to: string, flags: Flags): Promise<void> {
  const { platform, quiet = false, referrers, digestfile, retryTimes } = flags;
  const which = readWhich(flags);
  const retry = retryTimes === undefined ? undefined : { ...RETRY, attempts: retryTimes + 1 };
  const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
  if (wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  const places = { from: parsePlace(from), to: parsePlace(to) };
  using shown = showTransfers(quiet ? undefined : context.stderr, copyWords, true);
  await using opened = await openSource(context, places.from, { ...readRemoteFlags(flags, "src"), retry });
  if (!quiet) context.stderr.write(tellSource(from, places.from));
  if (platform !== undefined && which === "system") await checkPlatform(opened, wanted);
  const source = flags.format === undefined ? opened : await inFormat(opened, flags.format, { which, wanted, preserve: flags.preserveDigests === true });
  const ends = {
    flags: { ...readRemoteFlags(flags, "dest"), retry },
    onTransfer: shown.onTransfer,
    from: places.from,
    isList: which !== "system" && isIndex(source.top),
    onWait: () => (quiet ? undefined : context.stderr.write(`Waiting for another copy to ${to}\n`)),
  };
  await using target = await openTarget(context, places.to, ends);
  const top = await copyImage(source.content, blamed(source, target.content), source.top, {
    concurrency: 4,
    ...partsOf(which, source),
    ...(which !== "system" || !isIndex(source.top) ? {} : { platform: wanted }),
  });
  await target.finish(top, await readDocument(source.content, top));
  if (referrers) await (await import("../copy/copy-referrers.ts")).copyReferrers(source, target, top);
  await target.close?.();
  if (digestfile !== undefined) await writeWholeFile(digestfile, one(top.digest), context.signal);
  shown[Symbol.dispose]();
  if (!quiet) context.stderr.write(tellDestination(to, places.to));
  context.stdout.write(`${top.digest}\n`);
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function readCount(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new UsageError(`--retry-times is a number up to 999, not ${JSON.stringify(text)}`);
}

interface Choice {
  readonly which: Which;
  readonly wanted: Platform;
  readonly preserve: boolean;
}

/** Of several platforms one is chosen first: the others need not be there. @throws {UsageError} for a digest that may not change */
async function inFormat(source: CopySource, format: Format, { which, wanted, preserve }: Choice): Promise<CopySource> {
  const { convertImage } = await import("../copy/convert.ts");
  const chosen = which === "system" ? await choosePart(source.content, source.top, wanted) : source.top;
  const { content, top, isHere } = await convertImage(source.content, chosen, format, source.isHere);
  if (top.digest === chosen.digest) return { ...source, top };
  if (preserve) throw new UsageError(`--preserve-digests: as ${format} ${chosen.digest} would be ${top.digest}`);
  const { referrers: _, ...rest } = source;
  return { ...rest, content, top, isHere };
}

type Which = "system" | "all" | "index-only";

/** @throws {UsageError} for two that exclude each other */
function readWhich({ all = false, multiArch, platform, format }: Flags): Which {
  const which = multiArch ?? (all ? "all" : "system");
  if (format !== undefined && which === "index-only") throw new UsageError("--format and --multi-arch index-only exclude each other");
  if (all && which !== "all") throw new UsageError(`--all and --multi-arch ${which} exclude each other`);
  const several = multiArch === undefined ? "--all" : `--multi-arch ${which}`;
  if (which !== "system" && platform !== undefined) throw new UsageError(`--platform and ${several} exclude each other`);
  return which;
}

/** Of a list alone no image is copied: whoever takes it has them, or must allow that they are missing. */
function partsOf(which: Which, { isHere, top }: CopySource): Pick<CopyOptions, "isHere"> {
  if (which === "index-only" && isIndex(top)) return { isHere: async () => false };
  return isHere === undefined ? {} : { isHere };
}

/** Where what is wrong came from is part of the error. */
function blamed({ place }: CopySource, sink: ContentSink): ContentSink {
  return {
    has: async (descriptor) => await sink.has(descriptor),
    push: async (descriptor, content) => await blaming(place, descriptor, async () => await sink.push(descriptor, content), "copy"),
  };
}
