/** strata attach CONTAINER: its streams on this terminal; its exit code is this program's. */
import { Command } from "commander";
import type { Attachment } from "../../runtime/process.ts";
import type { ContainerStatus } from "../../runtime/engine.ts";
import type { Context } from "../context.ts";
import { detachKeys } from "../containers/detach-keys.ts";
import { foreground, needTerminal } from "../containers/foreground.ts";
import { EXIT, ExitError } from "../errors.ts";

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
  const { record, status } = await engine.get(name);
  const { tty = false, openStdin = false, stdinStays = false } = record.options;
  const stdin = flags.stdin && openStdin;
  detachKeys(flags.detachKeys); /* refuses before it is joined */
  needRunning(status);
  needTerminal(context, { tty, interactive: stdin });
  const attachment = await engine.attach(record.id);
  const { detached } = await foreground(context, stdinStays ? keepingStdin(attachment) : attachment, {
    tty,
    stdin,
    redraws: true,
    patience: 3,
    detachKeys: flags.detachKeys,
    ...(flags.sigProxy && { onSignal: (signal: string) => void engine.kill(record.id, signal).catch(() => {}) }),
  });
  if (detached) return 0;
  const exit = await attachment.exit.catch(async () => await engine.wait(record.id));
  return exit.exitCode;
}

/** Docker's words. @throws {ExitError} */
function needRunning({ status }: ContainerStatus): void {
  const refusals: Partial<Record<ContainerStatus["status"], string>> = {
    created: "You cannot attach to a stopped container, start it first",
    exited: "You cannot attach to a stopped container, start it first",
    paused: "You cannot attach to a paused container, unpause it first",
    restarting: "You cannot attach to a restarting container, wait until it is running",
  };
  const refusal = refusals[status];
  if (refusal !== undefined) throw new ExitError(EXIT.refused, refusal);
}

/** The end of this client's input is not the program's: the next client goes on. */
function keepingStdin(attachment: Attachment): Attachment {
  return { ...attachment, closeStdin: () => {} };
}
