/** strata version: this program's, as docker's command and engine both, for they are one here. */
import { release } from "node:os";
import { Command } from "commander";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { renderStrict } from "../render-strict.ts";
import { version } from "../version.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Show the version")
    .option("-f, --format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .action(async ({ format, output }: { readonly format?: string; readonly output?: string }) => {
      const wanted = format ?? output;
      if (wanted === undefined) context.stdout.write(`strata version ${version()}\n`);
      else if (wanted === "json") context.stdout.write(`${JSON.stringify(versions())}\n`);
      else context.stdout.write(`${await renderStrict(wanted, versions())}\n`);
    });
}

function versions(): object {
  const own = { Version: version(), Os: "linux", Arch: process.arch === "x64" ? "amd64" : process.arch };
  return {
    Client: { Platform: { Name: "Strata" }, ...own, NodeVersion: process.versions.node },
    Server: { Platform: { Name: "Strata" }, ...own, KernelVersion: release() },
  };
}
