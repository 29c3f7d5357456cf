/** `--debug`: a shell where a RUN failed: its files as it left them, its mounts, variables, user and folder. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { RunRequest } from "../../builder/executor.ts";
import { runSpec } from "../build-executor.ts";
import { foreground } from "../containers/foreground.ts";
import type { Context } from "../context.ts";
import { ownedName } from "../../store/owner.ts";
import type { ProgressView } from "./progress-view.ts";

export interface DebugShellOptions {
  /** "" is the shell that the step was run by. */
  readonly shell: string;
  readonly view: ProgressView;
  /** Standard input is the Dockerfile or the context: nobody can type. */
  readonly isInputTaken: boolean;
}

export type OnRunFailed = (request: RunRequest, code: number) => Promise<void>;

/** One at a time, and only for the first that fails: the others are cancelled with it. */
export function debugShell(context: Context, options: DebugShellOptions): OnRunFailed {
  let isOpen = false;
  return async (request, code) => {
    if (isOpen || context.signal.aborted) return;
    isOpen = true;
    options.view.pause();
    try {
      await openShell(context, options, request, code);
    } catch (error) {
      context.stderr.write(`Cannot open a shell in the step: ${error instanceof Error ? error.message : String(error)}\n`);
    } finally {
      options.view.resume();
    }
  };
}

async function openShell(context: Context, { shell, isInputTaken }: DebugShellOptions, request: RunRequest, code: number): Promise<void> {
  const program = shell !== "" ? shell : request.args[1] === "-c" ? (request.args[0] ?? "/bin/sh") : "/bin/sh";
  const command = request.args.join(" ");
  context.stderr.write(`\nRUN ${command} ended with exit code ${code}.\n`);
  if (isInputTaken) {
    context.stderr.write("No shell is opened: standard input was the Dockerfile or the context. Give them as files for --debug.\n");
    return;
  }
  const tty = context.stdin.isTTY && context.stdout.isTTY;
  context.stderr.write(`${program} in its state${tty ? "; leave it to end the build" : ", commands come from standard input"}:\n`);
  const id = `build-${ownedName()}`;
  const spec = runSpec(id, { ...request, args: [program] });
  const terminal = { ...spec, process: { ...spec.process!, terminal: tty, env: [...request.env, ...(tty ? [`TERM=${context.env["TERM"] ?? "xterm"}`] : [])] } };
  rmSync(join(request.work, "work/incompat"), { recursive: true, force: true }); // a volatile overlay is mounted once, unless its mark is gone
  const processes = await context.processes();
  await processes.runOnce(
    { id, spec: terminal, layers: { lowers: request.lowers, upper: request.upper, work: request.work, volatile: true } },
    {
      onOutput: () => undefined,
      async attach(attachment) {
        await foreground(context, attachment, { tty, stdin: true });
      },
      signal: context.signal,
    },
  );
}
