/** strata-runtime run ID: create, start, wait, delete; the exit code is the program's. */
import { Command } from "commander";
import type { OciContext, OpenOci } from "../oci/context.ts";
import { needConsole } from "../oci/console.ts";
import { addCreationFlags, type Creation, type CreationFlags, readCreation, writePid } from "../oci/creation.ts";
import { runHere } from "../oci/run-here.ts";

interface Flags extends CreationFlags {
  readonly detach?: boolean;
  readonly keep?: boolean;
}

export function command(open: OpenOci): Command {
  return addCreationFlags(new Command().description("Create and start a container, and wait for its end"))
    .option("-d, --detach", "do not wait")
    .option("--keep", "do not delete it when it has ended")
    .option("--no-subreaper", "accepted for others' sake: this command never reaps for others")
    .argument("<id>")
    .action(async (id: string, flags: Flags) => {
      const oci = await open();
      const creation = readCreation(id, flags);
      needConsole(creation.isTerminal, flags.detach === true, flags.consoleSocket);
      if (flags.detach === true) await detach(oci, creation, flags);
      else process.exitCode = await follow(oci, creation, flags);
    });
}

/** As create and start in two steps: it is the caller's subreaper that waits for it. */
async function detach({ processes }: OciContext, { request, options }: Creation, flags: Flags): Promise<void> {
  const { pid } = await processes.create({ ...request, stdio: { kind: "inherit" } }, { ...options, leave: true });
  writePid(flags.pidFile, pid);
  await processes.start(request.id);
}

async function follow({ context, processes }: OciContext, { request, options, isTerminal }: Creation, flags: Flags): Promise<number> {
  const { id } = request;
  const attach = isTerminal && flags.consoleSocket === undefined;
  const stdio = isTerminal ? ({ kind: "monitor", stdin: true } as const) : ({ kind: "inherit" } as const);
  const { state, attachment } = await processes.run({ ...request, stdio }, { ...options, attach });
  writePid(flags.pidFile, state.pid);
  const signal = async (number: number): Promise<void> => await processes.signal(id, number);
  const code = await runHere(context, { attachment, tty: attach, exit: processes.wait(id), signal });
  if (flags.keep !== true) await processes.remove(id);
  return code;
}
