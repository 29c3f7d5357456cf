/** strata image sbom, provenance, referrers: what is said of an image that is in the store. */
import { Command } from "commander";
import { isIndex, isManifest, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { parsePlatform } from "../../store/image/platform.ts";
import { referrersOf } from "../../store/image/referrers.ts";
import { IN_TOTO } from "../../store/image/retarget.ts";
import { StoreError } from "../../store/errors.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Image, Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { ExitError, UsageError } from "../errors.ts";

interface Flags {
  readonly platform?: string;
  readonly statement?: boolean;
  readonly title?: string;
  readonly scan?: boolean;
  readonly output?: "json";
}

const PREDICATE_TYPE = "in-toto.io/predicate-type";
const TITLE = "org.opencontainers.image.title";
const MAX_STATEMENT_BYTES = 64 << 20;

export function sbomCommand(context: Context): Command {
  return showing("Print the list of an image's packages that is attached to it (SPDX)")
    .option("--title <file>", "of several that one, as sbom-build.spdx.json", "sbom.spdx.json")
    .option("--scan", "read the layers now instead of what is attached")
    .action(async (name: string, flags: Flags) => {
      if (flags.scan === true) return await scan(context, name, flags);
      await show(context, name, flags, {
        what: "SBOM",
        isWanted: (type) => type === "https://spdx.dev/Document",
        hint: "Build it with --sbom=true, or read its layers now with --scan",
      });
    });
}

export function provenanceCommand(context: Context): Command {
  return showing("Print how an image was built, as it is attached to it (SLSA)").action(
    async (name: string, flags: Flags) =>
      await show(context, name, flags, {
        what: "provenance",
        isWanted: (type) => type.startsWith("https://slsa.dev/provenance/"),
        hint: "Build it with --provenance=true",
      }),
  );
}

export function referrersCommand(context: Context): Command {
  return new Command()
    .description("List what is attached to an image: SBOMs, provenance, signatures")
    .argument("<image>")
    .option("--platform <platform>", "of an index: os/architecture[/variant]")
    .addOption(jsonOutput())
    .action(async (name: string, flags: Flags) => {
      const store = await context.store();
      const image = await open(store, name, flags);
      const subjects = [...new Set([image.descriptor.digest, image.target.digest])];
      const found = subjects.flatMap((subject) => referrersOf(store, subject));
      await (await import("../registry/referrer-rows.ts")).printReferrers(context, found, flags.output);
    });
}

function showing(description: string): Command {
  return new Command()
    .description(description)
    .argument("<image>")
    .option("--platform <platform>", "of an index: os/architecture[/variant]")
    .option("--statement", "the whole in-toto statement, which names the image too");
}

async function open(store: Store, name: string, { platform }: Flags): Promise<Image> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  return await store.images.open(name, wanted);
}

interface Wanted {
  readonly what: string;
  readonly isWanted: (predicateType: string) => boolean;
  readonly hint: string;
}

async function show(context: Context, name: string, flags: Flags, { what, isWanted, hint }: Wanted): Promise<void> {
  const store = await context.store();
  const found = (await statementsOf(store, await open(store, name, flags))).filter(({ annotations }) => isWanted(annotations?.[PREDICATE_TYPE] ?? ""));
  const titled = found.find(({ annotations }) => flags.title !== undefined && annotations?.[TITLE] === flags.title);
  const layer = titled ?? (flags.title === undefined || flags.title === "sbom.spdx.json" ? found[0] : undefined);
  if (layer === undefined) throw new ExitError(1, `Cannot show the ${what} of ${name}: none is attached to it here\n${hint}`);
  const statement = JSON.parse(Buffer.from(await store.blobs.read(layer.digest, MAX_STATEMENT_BYTES)).toString("utf8")) as { readonly predicate?: unknown };
  print(context, flags.statement === true ? statement : statement.predicate);
}

/** Of referrers, and of the attestation manifests that BuildKit puts into an index beside the images. */
async function statementsOf(store: Store, image: Image): Promise<readonly Descriptor[]> {
  const manifests = [...referrersOf(store, image.descriptor.digest), ...(isIndex(image.target) ? await beside(store, image) : [])];
  const layers = await Promise.all(
    manifests
      .filter(isManifest)
      .map(async ({ digest }) => ((await store.blobs.stat(digest)) === undefined ? [] : parseManifest(await store.blobs.read(digest)).layers)),
  );
  return layers.flat().filter(({ mediaType }) => mediaType === IN_TOTO);
}

async function beside(store: Store, { target, descriptor }: Image): Promise<readonly Descriptor[]> {
  const { manifests } = parseIndex(await store.blobs.read(target.digest));
  return manifests.filter(({ annotations }) => annotations?.["vnd.docker.reference.digest"] === descriptor.digest);
}

/** The same document as a build would attach. */
async function scan(context: Context, name: string, flags: Flags): Promise<void> {
  const [{ imageTree }, { findPackages, tellsOfPackages }, { spdxDocument }, { version }] = await Promise.all([
    import("../../builder/attest/software-tree.ts"),
    import("../../builder/attest/find-packages.ts"),
    import("../../builder/attest/spdx.ts"),
    import("../version.ts"),
  ]);
  const store = await context.store();
  const image = await open(store, name, flags);
  const tree = await imageTree(store, await store.images.unpack(image), image.config, tellsOfPackages);
  const created = Date.parse(image.config.created ?? "");
  const subject = { name: "image", purpose: "CONTAINER" as const, version: image.id };
  print(
    context,
    spdxDocument(tree, findPackages(tree), { subject, tool: `strata-${version()}`, created: Number.isNaN(created) ? 0 : Math.floor(created / 1000) }),
  );
}

function print(context: Context, document: unknown): void {
  if (document === undefined) throw new StoreError("MANIFEST_INVALID", "Cannot show the statement: it has no predicate");
  context.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}
