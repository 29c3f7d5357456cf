/** strata-runtime spec: a config.json to begin with. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { templateSpec } from "../oci/template.ts";

interface Flags {
  readonly bundle: string;
  readonly rootless?: boolean;
}

export function command(): Command {
  return new Command()
    .description("Write a config.json to begin with")
    .option("-b, --bundle <folder>", "the folder that it is written to", ".")
    .option("--rootless", "for whoever is not root")
    .action(({ bundle, rootless = false }: Flags) => {
      const path = join(bundle, "config.json");
      try {
        writeFileSync(
          path,
          `${JSON.stringify(templateSpec(rootless ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : undefined), undefined, 2)}\n`,
          {
            flag: "wx",
          },
        );
      } catch (error) {
        const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
        const why = exists ? "it exists, and is not overwritten" : error instanceof Error ? error.message : String(error);
        throw new RuntimeError("SPEC_INVALID", `Cannot write ${path}: ${why}`, { cause: error });
      }
    });
}
