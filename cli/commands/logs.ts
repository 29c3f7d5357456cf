/** strata logs CONTAINER: what it printed, stream by stream. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { parseNumber } from "../containers/sizes.ts";

interface Flags {
  readonly follow?: boolean;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
  readonly details?: boolean;
  readonly timestamps?: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Show what a container printed")
    .option("-f, --follow", "go on until it ends")
    .option("-n, --tail <lines>", "only the last ones", "all")
    .option("--since <time>", "RFC 3339, seconds, or 10m ago")
    .option("--until <time>", "RFC 3339, seconds, or 10m ago")
    .option("--details", "with the labels and variables that its log options name")
    .option("-t, --timestamps", "with times")
    .argument("<container>")
    .action(async (name: string, flags: Flags) => await logs(context, name, flags));
}

async function logs(context: Context, name: string, flags: Flags): Promise<void> {
  const engine = await context.engine();
  const tail = flags.tail === "all" || flags.tail.startsWith("-") ? undefined : parseNumber(flags.tail);
  const lines = engine.logs(name, {
    follow: flags.follow ?? false,
    signal: context.signal,
    ...(tail !== undefined && { tail }),
    ...(flags.since !== undefined && { since: flags.since }),
    ...(flags.until !== undefined && { until: flags.until }),
  });
  const details = flags.details === true ? `${await (await import("../containers/log-details.ts")).logDetails((await engine.get(name)).record)} ` : "";
  for await (const { stream, time, text } of lines) {
    const out = stream === "stdout" ? context.stdout : context.stderr;
    if (flags.timestamps === true) out.write(`${time} `);
    if (details !== "") out.write(details);
    out.write(text);
  }
}
