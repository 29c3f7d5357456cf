/** `strata build --check --fix`: mends the Dockerfile itself; what no rule is about stays byte for byte. */
import { chmodSync, chownSync, closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CheckInput } from "../../builder/check/check.ts";
import { fixDockerfile } from "../../builder/check/fix.ts";
import { BuilderError } from "../../builder/errors.ts";
import { ownedName } from "../../store/owner.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

/** @throws {UsageError} when there is no file to mend @throws {BuilderError} */
export async function fixFile(context: Context, input: CheckInput, path: string | undefined): Promise<void> {
  if (path === undefined) throw new UsageError("Cannot fix the Dockerfile: it is no file of this machine");
  const { text, file } = input.dockerfile;
  if (!readFileSync(path).equals(Buffer.from(text))) {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot fix ${file}: it is not UTF-8, or it changed just now`);
  }
  const fixed = fixDockerfile(input);
  if (fixed.mended.length === 0) {
    context.stdout.write("Nothing to fix.\n");
    return;
  }
  const { agree } = await import("../../builder/check/second-look.ts");
  if (!agree(text, fixed.text)) {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot fix ${file}: a second reading of what it would become finds other instructions in it`, {
      hint: "Mend it by hand, as --check advises; nothing was changed",
    });
  }
  replaceFile(realpathSync(path), fixed.text);
  const lines = fixed.mended.map(({ rule, message, place, advice }) => `${file}:${place.start}: ${rule}: ${message}. ${advice}: done\n`);
  context.stdout.write(`${lines.join("")}Fixed ${fixed.mended.length} warning${fixed.mended.length === 1 ? "" : "s"} in ${file}.\n`);
}

/** Written beside, then put in place: whole or not at all. Mode and owner stay. */
function replaceFile(path: string, text: string): void {
  const { mode, uid, gid } = statSync(path);
  const beside = join(dirname(path), `.strata-fix.${ownedName()}`);
  try {
    const file = openSync(beside, "wx", mode & 0o7777);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (process.getuid?.() === 0) chownSync(beside, uid, gid);
    chmodSync(beside, mode & 0o7777);
    renameSync(beside, path);
  } finally {
    rmSync(beside, { force: true });
  }
}
