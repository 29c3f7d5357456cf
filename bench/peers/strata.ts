/** strata, the command: no daemon, and a root of its own. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { STRATA } from "../base.ts";
import type { RunCommand } from "../command.ts";
import type { Builder } from "../builder.ts";

export function startStrata(folder: string, run: RunCommand, baseArchive: string): Builder {
  const [root, runRoot] = [join(folder, "strata"), join(folder, "strata-run")];
  const strata = async (...args: readonly string[]): Promise<string> => await run([STRATA, ...args], { STRATA_ROOT: root, STRATA_RUN_ROOT: runRoot });
  return {
    name: "strata",
    reset: async () => {
      rmSync(root, { recursive: true, force: true });
      await strata("load", "--input", baseArchive);
    },
    build: async ({ context, tag }) => {
      await strata("build", "--quiet", "--tag", tag, context);
    },
  };
}
