/** The base image that all peers build on, as an archive that each can load. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BASE_IMAGE } from "./builder.ts";
import type { Place } from "./case.ts";

export const STRATA = fileURLToPath(new URL("../../bin/strata.js", import.meta.url));

const PROGRAMS = "sh,ls,cat,cp,rm,mkdir,touch,chmod,sleep,true";

/** Path of the archive. */
export async function makeBase({ folder, run }: Place): Promise<string> {
  const env = { STRATA_ROOT: join(folder, "base"), STRATA_RUN_ROOT: join(folder, "base-run") };
  const archive = join(folder, "base.tar");
  await run([STRATA, "base", "create", BASE_IMAGE, "--bin", PROGRAMS], env);
  await run([STRATA, "save", "--output", archive, BASE_IMAGE], env);
  return archive;
}
