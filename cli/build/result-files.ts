/** --iidfile and --metadata-file: what was built, for programs. The keys are BuildKit's. */
import { writeFileSync } from "node:fs";
import { BuilderError } from "../../builder/errors.ts";
import type { BuildResult } from "../../builder/request.ts";
import { FreshFile, sweepBeside } from "../../store/fresh-file.ts";
import { isIndex } from "../../store/image/documents.ts";
import type { BuildFlags } from "./flags.ts";
import { holdPipe, placeOf } from "../file-place.ts";
import type { WrittenImage } from "./write-output.ts";

export async function resultFiles({ iidfile, metadataFile }: BuildFlags, { id }: BuildResult, { target, names }: WrittenImage): Promise<void> {
  const isSeveral = isIndex(target);
  if (iidfile !== undefined) await writeWhole(iidfile, isSeveral ? target.digest : id);
  if (metadataFile === undefined) return;
  const metadata = {
    ...(isSeveral ? {} : { "containerimage.config.digest": id }),
    "containerimage.descriptor": target,
    "containerimage.digest": target.digest,
    ...(names.length === 0 ? {} : { "image.name": names.join(",") }),
  };
  await writeWhole(metadataFile, `${JSON.stringify(metadata, undefined, 2)}\n`);
}

/** @throws {BuilderError} `OUTPUT_FAILED` */
async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeOrReplace(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuilderError("OUTPUT_FAILED", `Cannot write the result to ${path}: ${reason}`, { cause: error });
  }
}

/** Who waits for the file must not read half of it. */
async function writeOrReplace(path: string, text: string): Promise<void> {
  const { place, isPlain, flags } = placeOf(path);
  if (!isPlain) {
    using _pipe = holdPipe(place);
    writeFileSync(place, text, { flag: flags });
    return;
  }
  await sweepBeside(place);
  await using fresh = await FreshFile.open(place);
  await fresh.handle.writeFile(text);
  await fresh.settle();
}
