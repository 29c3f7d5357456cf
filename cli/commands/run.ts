/** strata run IMAGE [COMMAND]: creates and starts a container; in the foreground its exit code is this program's. */
import { Command } from "commander";
import type { Container, Engine } from "../../runtime/engine.ts";
import type { Context } from "../context.ts";
import { addContainerFlags, type ContainerFlags } from "../containers/container-flags.ts";
import { startFailure } from "../containers/failures.ts";
import { detachKeys } from "../containers/detach-keys.ts";
import { foreground, needTerminal } from "../containers/foreground.ts";
import { prepareContainer } from "../containers/prepare.ts";
import { parseStreams } from "../containers/streams-flag.ts";
import { UsageError } from "../errors.ts";

interface Flags extends ContainerFlags {
  readonly detachKeys: string;
  readonly sigProxy: boolean;
}

export function command(context: Context): Command {
  return addContainerFlags(new Command())
    .description("Run a program in a new container")
    .helpOption("--help", "show help")
    .option("-d, --detach", "leave it in the background and print its id")
    .option("--detach-keys <keys>", "what leaves it running, as in ctrl-a,d", "ctrl-p,ctrl-q")
    .option("--sig-proxy", "pass signals on to the program", true)
    .option("--no-sig-proxy", "do not pass signals on to the program")
    .argument("<image>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (image: string, words: readonly string[], flags: Flags) => {
      process.exitCode = await run(context, image, words, flags);
    });
}

async function run(context: Context, image: string, words: readonly string[], flags: Flags): Promise<number> {
  const streams = parseStreams(flags.attach);
  if (streams !== undefined && flags.detach === true) throw new UsageError("conflicting options: -a and -d");
  detachKeys(flags.detachKeys); /* refuses before anything is made */
  needTerminal(context, flags);
  try {
    const container = await prepareContainer(context, image, words, flags);
    const engine = await context.engine();
    return await startIn(context, engine, container, flags);
  } catch (error) {
    throw startFailure(error);
  }
}

async function startIn(context: Context, engine: Engine, container: Container, flags: Flags): Promise<number> {
  const { id } = container.record;
  const restarts = flags.restart !== undefined && flags.restart !== "no";
  const background = flags.detach === true;
  const settle = background || restarts ? "monitor" : "caller";
  const { attachment } = await engine.start(id, { attach: !background, settle }).catch(async (error: unknown) => {
    if (flags.rm === true) await engine.remove(id, { force: true, volumes: true });
    if (background) context.stdout.write(`${id}\n`); // as docker does: what was made can be looked at
    throw error;
  });
  if (attachment === undefined) {
    context.stdout.write(`${id}\n`);
    return 0;
  }
  const shown = parseStreams(flags.attach);
  if (shown !== undefined && !shown.has("stdout") && !shown.has("stderr")) context.stdout.write(`${id}\n`);
  const { detached } = await foreground(context, attachment, {
    tty: flags.tty ?? false,
    stdin: (flags.interactive ?? false) || shown?.has("stdin") === true,
    patience: 3,
    detachKeys: flags.detachKeys,
    ...(shown !== undefined && { shown }),
    ...(flags.sigProxy && { onSignal: (signal: string) => void engine.kill(id, signal).catch(() => {}) }),
  });
  if (detached) return 0;
  if (settle === "monitor") return (await engine.wait(id)).exitCode; // of the last time that it is started
  const exit = await attachment.exit.catch(async () => await engine.wait(id));
  await engine.settle(id);
  return exit.exitCode;
}
