/** strata exec CONTAINER COMMAND: another program in a running container; its exit code is this program's. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { fromOwn, readEnvFile } from "../containers/environment-flags.ts";
import { detachKeys } from "../containers/detach-keys.ts";
import { startFailure } from "../containers/failures.ts";
import { isObjectWord } from "../containers/object-word.ts";
import { foreground, needTerminal } from "../containers/foreground.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly detachKeys: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly container?: string;
  readonly namespace?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Run a program in a running container")
    .option("-i, --interactive", "keep stdin open")
    .option("-t, --tty", "give it a terminal")
    .option("-d, --detach", "leave it in the background")
    .option("--detach-keys <keys>", "what leaves it running, as in ctrl-a,d", "ctrl-p,ctrl-q")
    .option("-e, --env <name=value>", "set an environment variable", collect, [] as readonly string[])
    .option("--env-file <file>", "read environment variables from a file", collect, [] as readonly string[])
    .option("-w, --workdir <path>", "working folder in the container")
    .option("-u, --user <name|uid[:group]>", "run as this user")
    .option("--privileged", "all capabilities")
    .option("-c, --container <name>", "of a pod: which of its containers")
    .option("-n, --namespace <name>", "of a pod")
    .argument("<container>", "or pod/NAME, deploy/NAME, … of the cluster")
    .argument("<command...>")
    .passThroughOptions()
    .action(async (name: string, words: readonly string[], flags: Flags) => {
      process.exitCode = await exec(context, { name, words, flags });
    });
}

/** A container's name and program, of this machine or of a pod. */
interface Target {
  readonly name: string;
  readonly words: readonly string[];
  readonly flags: Flags;
}

async function inPod(context: Context, { name: word, words: given, flags }: Target): Promise<Target> {
  const [{ containerOf }, { podExecWords }] = await Promise.all([import("../cluster/pod-container.ts"), import("../cluster/pod-exec-words.ts")]);
  const { words, interactive, tty, ...choice } = podExecWords(given);
  const name = await containerOf(context, word, { ...flags, ...choice, quiet: true });
  return { name, words, flags: { ...flags, interactive: interactive || flags.interactive === true, tty: tty || flags.tty === true } };
}

async function exec(context: Context, target: Target): Promise<number> {
  detachKeys(target.flags.detachKeys); /* refuses before anything is started */
  const { name, words, flags } = isObjectWord(target.name) ? await inPod(context, target) : target;
  needTerminal(context, flags);
  try {
    const engine = await context.engine();
    const { attachment, exit } = await engine.exec(name, {
      command: words,
      env: [...flags.envFile.flatMap(readEnvFile), ...flags.env].flatMap((entry) => fromOwn(entry, context.env)),
      tty: flags.tty ?? false,
      stdin: flags.interactive ?? false,
      detach: flags.detach ?? false,
      privileged: flags.privileged ?? false,
      ...(flags.workdir !== undefined && { cwd: flags.workdir }),
      ...(flags.user !== undefined && { user: flags.user }),
    });
    if (attachment === undefined) {
      exit.catch(() => {});
      return 0;
    }
    const { detached } = await foreground(context, attachment, { tty: flags.tty ?? false, stdin: flags.interactive ?? false, detachKeys: flags.detachKeys });
    return detached ? 0 : (await exit).exitCode;
  } catch (error) {
    throw (await notRunning(context, name, error)) ?? startFailure(error);
  }
}

/** Docker's words and status for a container that is not there, or where nothing runs. */
async function notRunning(context: Context, name: string, error: unknown): Promise<ExitError | undefined> {
  if (!(error instanceof RuntimeError)) return undefined;
  if (error.code === "CONTAINER_UNKNOWN") {
    const hint = await (await import("../containers/pod-hint.ts")).podHint(context, name, error);
    return new ExitError(EXIT.refused, hint === undefined ? error.message : `${error.message}\n${hint}`);
  }
  if (error.code !== "CONTAINER_STATE") return undefined;
  const { record, status } = await (await context.engine()).get(name);
  const isPaused = status.status === "paused";
  return new ExitError(EXIT.refused, isPaused ? `Container ${name} is paused, unpause the container before exec` : `Container ${record.id} is not running`);
}
