/** `strata build --check`: what could be better in a Dockerfile; exit 1 when something could. */
import { checkDockerfile } from "../../builder/check/check.ts";
import { frame } from "../../builder/dockerfile/frame.ts";
import { sourceLines } from "../../builder/dockerfile/scan.ts";
import type { Context } from "../context.ts";
import { ExitError } from "../errors.ts";

export function runCheck(context: Context, { text, file }: { readonly text: string; readonly file: string }): void {
  const warnings = checkDockerfile(text, file);
  if (warnings.length === 0) {
    context.stdout.write("Check complete, no warnings found.\n");
    return;
  }
  const source = { file, lines: sourceLines(text) };
  const blocks = warnings.map(({ rule, message, place }) => `WARNING: ${rule}\n${message}\n${frame(source, place).frame}\n`);
  context.stdout.write(`Check complete, ${warnings.length} warning${warnings.length === 1 ? " has" : "s have"} been found!\n\n${blocks.join("\n")}`);
  throw new ExitError(1);
}
