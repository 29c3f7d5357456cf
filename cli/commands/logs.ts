/** strata logs CONTAINER: what it printed, stream by stream. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { isObjectWord } from "../containers/object-word.ts";
import { parseNumber } from "../containers/sizes.ts";

interface Flags {
  readonly follow?: boolean;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
  readonly details?: boolean;
  readonly timestamps?: boolean;
  readonly container?: string;
  readonly previous?: boolean;
  readonly namespace?: string;
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
    .option("-c, --container <name>", "of a pod: which of its containers")
    .option("-p, --previous", "of a pod: its container before this one")
    .option("--namespace <name>", "of a pod; -n too, where no number follows it")
    .argument("<container>", "or pod/NAME, deploy/NAME, … of the cluster")
    .action(async (name: string, flags: Flags) => {
      try {
        await logs(context, name, flags);
      } catch (error) {
        const hint = error instanceof RuntimeError ? await (await import("../containers/pod-hint.ts")).podHint(context, name, error) : undefined;
        throw hint === undefined ? error : new ExitError(EXIT.refused, `${(error as Error).message}\n${hint}`);
      }
    });
}

async function logs(context: Context, word: string, given: Flags): Promise<void> {
  const isOfPod = isObjectWord(word);
  const { flags, name } = isOfPod ? await ofPod(context, word, given) : { flags: given, name: word };
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
    const out = isOfPod || stream === "stdout" ? context.stdout : context.stderr;
    if (flags.timestamps === true) out.write(`${time} `);
    if (details !== "") out.write(details);
    out.write(text);
  }
}

/** kubectl's `-n` is a namespace, docker's a number of lines. */
async function ofPod(context: Context, word: string, given: Flags): Promise<{ readonly flags: Flags; readonly name: string }> {
  const isNumber = given.tail === "all" || /^-?\d+$/.test(given.tail);
  const flags = isNumber ? given : { ...given, tail: "all", namespace: given.tail };
  const { containerOf } = await import("../cluster/pod-container.ts");
  return { flags, name: await containerOf(context, word, { ...flags, restarted: true }) };
}
