/** strata start CONTAINER…: starts what was created or has ended. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";
import { startFailure } from "../containers/failures.ts";
import { foreground } from "../containers/foreground.ts";
import { UsageError } from "../errors.ts";

interface Flags {
  readonly attach?: boolean;
  readonly detachKeys: string;
  readonly interactive?: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Start containers")
    .option("-a, --attach", "show its output and pass signals on")
    .option("-i, --interactive", "give it stdin")
    .option("--detach-keys <keys>", "what leaves it running, as in ctrl-a,d", "ctrl-p,ctrl-q")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: Flags) => {
      const [first] = names;
      if (flags.attach !== true && flags.interactive !== true) await startAll(context, names);
      else if (names.length === 1 && first !== undefined) process.exitCode = await startAttached(context, first, flags);
      else throw new UsageError("you cannot start and attach multiple containers at once");
    });
}

/** One that runs already is no failure. */
async function startAll(context: Context, names: readonly string[]): Promise<void> {
  const engine = await context.engine();
  await forEach(context, names, async (name) => {
    const { status } = await engine.get(name);
    if (status.status !== "running" && status.status !== "paused") await engine.start(name);
  });
}

async function startAttached(context: Context, name: string, flags: Flags): Promise<number> {
  const engine = await context.engine();
  const { record } = await engine.get(name);
  try {
    const settle = (record.options.restart ?? { name: "no" }).name === "no" ? "caller" : "monitor";
    const { attachment } = await engine.start(record.id, { attach: true, settle });
    if (attachment === undefined) return 0;
    const { detached } = await foreground(context, attachment, {
      tty: record.options.tty ?? false,
      stdin: flags.interactive ?? false,
      patience: 3,
      detachKeys: flags.detachKeys,
      onSignal: (signal) => void engine.kill(record.id, signal).catch(() => {}),
    });
    if (detached) return 0;
    const exit = await engine.wait(record.id);
    if (settle === "caller") await engine.settle(record.id);
    return exit.exitCode;
  } catch (error) {
    throw startFailure(error);
  }
}
