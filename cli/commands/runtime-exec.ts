/** strata-runtime exec ID COMMAND…: one more process in a container. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { readProcess } from "../oci/bundle.ts";
import type { OciContext, OpenOci } from "../oci/context.ts";
import { needConsole } from "../oci/console.ts";
import { writePid } from "../oci/creation.ts";
import { type ProgramFlags, programOf } from "../oci/program.ts";
import { preserveFor } from "../oci/preserve.ts";
import { type RefusedFlags, refuseFlags } from "../oci/refusals.ts";
import { runHere } from "../oci/run-here.ts";
import { collect } from "../collect.ts";

interface Flags extends ProgramFlags, RefusedFlags {
  readonly process?: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly detach?: boolean;
  readonly preserveFds: string;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("Run a program in a container")
    .option("-p, --process <file>", "the program as JSON, as in config.json")
    .option("--pid-file <file>", "write the pid of the program there")
    .option("--console-socket <socket>", "send the terminal's master there")
    .option("-d, --detach", "do not wait")
    .option("-t, --tty", "give it a terminal")
    .option("--cwd <folder>", "working folder")
    .option("-u, --user <uid[:gid]>", "user and group by number")
    .option("-g, --additional-gids <gid>", "one more group, by number", collect, [])
    .option("-e, --env <variable>", "NAME=VALUE", collect, [])
    .option("-c, --cap <capability>", "one more capability", collect, [])
    .option("--no-new-privs", "execve gives no privileges")
    .option("--apparmor <profile>", "AppArmor profile, where the kernel has it")
    .option("--process-label <label>", "SELinux label, where the kernel has it")
    .option("--preserve-fds <number>", "further descriptors to pass on, from 3 upward", "0")
    .option("--cgroup <path>", "refused: a program runs in its container's own cgroups")
    .option("--ignore-paused", "refused: in a frozen container nothing can run")
    .argument("<id>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (id: string, words: readonly string[], flags: Flags) => {
      refuseFlags(flags);
      process.exitCode = await exec(await open(), id, words, flags);
    });
}

async function exec({ context, processes }: OciContext, id: string, words: readonly string[], flags: Flags): Promise<number> {
  const state = await processes.state(id);
  if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot run a program in ${id}: container does not exist`);
  const wanted = flags.process === undefined ? programOf(state.bundle ?? ".", words, flags) : readProcess(flags.process);
  const { program = wanted, preserve } = preserveFor(wanted, flags.preserveFds);
  const tty = program.terminal === true;
  const leave = flags.detach === true;
  if (leave || flags.consoleSocket === undefined) needConsole(tty, leave, flags.consoleSocket);
  const running = await processes.exec(id, program, {
    stdin: true,
    inherit: !tty,
    leave,
    preserve,
    ...(flags.consoleSocket !== undefined && { consoleSocket: flags.consoleSocket }),
  });
  writePid(flags.pidFile, running.pid);
  if (leave) return 0;
  const signal = async (number: number): Promise<void> => {
    process.kill(running.pid, number);
    await Promise.resolve();
  };
  return await runHere(context, { attachment: running.attachment, tty, exit: running.exit, signal });
}
