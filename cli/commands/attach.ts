/** strata attach CONTAINER: its streams on this terminal; its exit code is this program's. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { detachKeys } from "../containers/detach-keys.ts";
import { foreground } from "../containers/foreground.ts";

interface Flags {
  readonly stdin: boolean;
  readonly detachKeys: string;
  readonly sigProxy: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Join a running container's streams; the detach keys leave it running")
    .option("--no-stdin", "do not give it stdin")
    .option("--detach-keys <keys>", "what leaves it running, as in ctrl-a,d", "ctrl-p,ctrl-q")
    .option("--sig-proxy", "pass signals on to the program", true)
    .option("--no-sig-proxy", "do not pass signals on")
    .argument("<container>")
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await attach(context, name, flags);
    });
}

async function attach(context: Context, name: string, flags: Flags): Promise<number> {
  const engine = await context.engine();
  const { record } = await engine.get(name);
  detachKeys(flags.detachKeys); /* refuses before it is joined */
  const attachment = await engine.attach(record.id);
  const { detached } = await foreground(context, attachment, {
    tty: record.options.tty ?? false,
    stdin: flags.stdin && (record.options.openStdin ?? false),
    patience: 3,
    detachKeys: flags.detachKeys,
    ...(flags.sigProxy && { onSignal: (signal: string) => void engine.kill(record.id, signal).catch(() => {}) }),
  });
  return detached ? 0 : (await engine.wait(record.id)).exitCode;
}
