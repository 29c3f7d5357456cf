/** strata build: Dockerfile → image. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { defineFlags, type BuildFlags } from "../build/flags.ts";

export function command(context: Context): Command {
  return defineFlags(
    new Command().description("Build an image from a Dockerfile").argument("<context>", "folder, or - for a Dockerfile or tar on stdin"),
  ).action(async (folder: string, flags: BuildFlags) => {
    const { runBuild } = await import("../build/run-build.ts");
    await runBuild(context, folder, flags);
  });
}
