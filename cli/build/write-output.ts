/** Writes the result of a build to where it was asked to go, each output in its own form, all of them from the same layers. */
import { annotatorOf, checkAnnotations, type Annotation } from "../../builder/output/annotations.ts";
import type { SourceEntry } from "../../builder/context/tree.ts";
import { BuilderError } from "../../builder/errors.ts";
import type { Status } from "../../builder/progress.ts";
import type { BuildResult } from "../../builder/request.ts";
import { isIndex } from "../../store/image/documents.ts";
import { exportableImage } from "../../store/image/exportable.ts";
import type { Descriptor } from "../../store/oci.ts";
import { familiarName, parseReference, repositoryOf } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import type { ImageOutput, Output, OutputForm } from "./outputs.ts";
import { sendArchive, writeResult, type OnBytes } from "./send-output.ts";
import { transferStatus } from "./transfer-status.ts";

export interface OutputWork {
  readonly context: Context;
  readonly store: Store;
  readonly result: BuildResult;
  /** Of --tag, as they are written. */
  readonly names: readonly string[];
  /** Of --annotation. */
  readonly annotations: readonly Annotation[];
  /** Bytes on their way. */
  readonly onStatus: (status: Status) => void;
}

/** What the metadata file tells of an image that went out. */
export interface WrittenImage {
  readonly target: Descriptor;
  readonly names: readonly string[];
  /** Standard output holds an archive: nothing else may go there. */
  readonly isPiped?: boolean;
}

/** One after the other: they share disk and cores. The last image is the one that is told of. */
export async function writeOutputs(work: OutputWork, outputs: readonly Output[]): Promise<WrittenImage> {
  let written: WrittenImage = { target: work.result.target, names: [] };
  for (const output of outputs) written = (await writeOutput(work, output)) ?? written;
  return { ...written, isPiped: outputs.some((output) => "destination" in output && output.destination === undefined) };
}

async function writeOutput(work: OutputWork, output: Output): Promise<WrittenImage | undefined> {
  switch (output.kind) {
    case "image":
      return await writeImage(work, output);
    case "archive": {
      const target = await finished(work, output.form);
      const names = namesOf(work, output.names);
      const count = counter(work, "sending archive");
      await sendArchive({ ...work, onBytes: count.add }, target, names, output);
      count.done();
      return { target, names };
    }
    case "local":
    case "tar":
      await writeFiles(work, output);
      return undefined;
    case "none":
      return undefined;
  }
}

/** The image as this output has it. */
async function finished({ store, result, annotations }: OutputWork, form: OutputForm): Promise<Descriptor> {
  const { compression, ...rest } = form;
  const all = [...annotations, ...form.annotations];
  const platforms = result.images.map(({ platform }) => platform);
  checkAnnotations(all, platforms, isIndex(result.target));
  if (compression === undefined && all.length === 0 && !form.docker && form.force !== true) return result.target;
  const isPacked = compression !== undefined || form.docker || form.force === true;
  return await exportableImage(store, result.target, { ...rest, compression: compression ?? (isPacked ? "gzip" : "none"), annotate: annotatorOf(all) });
}

function namesOf({ names }: OutputWork, own: readonly string[] | undefined): readonly string[] {
  return (own ?? names).map((name) => parseReference(name).name);
}

async function writeImage(work: OutputWork, output: ImageOutput): Promise<WrittenImage> {
  const { store } = work;
  const target = await finished(work, output.form);
  const given = namesOf(work, output.names);
  const dangling = given.length === 0 && output.danglingPrefix !== undefined ? [parseReference(`${output.danglingPrefix}@${target.digest}`).name] : given;
  const canonical = output.nameCanonical ? given.map((name) => `${repositoryOf(parseReference(name))}@${target.digest}`) : [];
  if (output.store) {
    for (const name of [...dangling, ...canonical]) await store.images.tag(name, target);
    if (dangling.length === 0) await store.images.keep(target);
  }
  const names = output.pushByDigest ? dangling.map((name) => untagged(name, output.names ?? work.names)) : dangling;
  const pushed = output.push ? await pushAll(work, names, target, output) : target;
  return { target: pushed, names: [...names, ...canonical] };
}

/** @throws {BuilderError} `OUTPUT_FAILED` for a name that was given with a tag */
function untagged(name: string, given: readonly string[]): string {
  const { domain, path, tag } = parseReference(name);
  if (tag !== undefined && given.some((text) => text.endsWith(`:${tag}`)))
    throw new BuilderError("OUTPUT_FAILED", `Cannot push ${name} by digest: it has a tag`, { hint: `Name it ${domain}/${path}` });
  return `${domain}/${path}`;
}

async function pushAll({ context, onStatus }: OutputWork, names: readonly string[], target: Descriptor, output: ImageOutput): Promise<Descriptor> {
  if (names.length === 0) throw new BuilderError("OUTPUT_FAILED", "Cannot push the image: it has no name", { hint: "Name it with -t" });
  const { pushImage } = await import("../push-image.ts");
  let pushed = target;
  const tell = (id: string): void => onStatus({ id, current: 0, isDone: true });
  const how = { target, insecure: output.insecure, byDigest: output.pushByDigest, say: tell, onTransfer: transferStatus(onStatus) };
  for (const name of names) {
    pushed = await pushImage(context, familiarName(name), how);
    tell(`pushing manifest for ${name}@${pushed.digest}`);
  }
  return { ...target, ...pushed };
}

async function writeFiles(work: OutputWork, output: Extract<Output, { kind: "local" | "tar" }>): Promise<void> {
  const { context, store, result, onStatus } = work;
  const { rootfsEntries } = await import("../../builder/output/rootfs-entries.ts");
  const created = result.config.created;
  const epoch = created === undefined ? 0 : Date.parse(created) / 1000;
  const files = await rootfsEntries(store, result.images, { split: output.split, epoch });
  const entries = result.attestations.length === 0 ? files : [...files, ...(await attested(work, files, output.split, epoch))];
  if (output.kind === "local") {
    const { writeRootfs } = await import("../../builder/output/rootfs-folder.ts");
    writeRootfs(entries, output.destination, { treeTool: context.programs.tree, isMirror: output.isMirror });
    return;
  }
  const { rootfsTar } = await import("../../builder/output/rootfs-tar.ts");
  const count = counter({ onStatus }, "sending tarball");
  await writeResult(context, rootfsTar(entries), output.destination, count.add);
  count.done();
}

function counter({ onStatus }: Pick<OutputWork, "onStatus">, id: string): { readonly add: OnBytes; readonly done: () => void } {
  let current = 0;
  const add = (bytes: number): void => onStatus({ id, current: (current += bytes), isDone: false });
  return { add, done: () => onStatus({ id, current, isDone: true }) };
}

async function attested({ store, result }: OutputWork, files: readonly SourceEntry[], split: boolean, epoch: number): Promise<readonly SourceEntry[]> {
  const { attestationEntries } = await import("../../builder/output/attestation-entries.ts");
  const isSeveral = result.images.length > 1;
  return attestationEntries(result.attestations, files, { split, isSeveral, epoch, pathOf: (digest) => store.blobs.path(digest) });
}
