/** strata-runtime exec ID COMMAND…: one more process in a container. */
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { ProcessSpec, Spec } from "../../runtime/spec.ts";
import { readBundle, readProcess } from "../oci/bundle.ts";
import type { OciContext, OpenOci } from "../oci/context.ts";
import { runHere } from "../oci/run-here.ts";

interface Flags {
  readonly process?: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly detach?: boolean;
  readonly tty?: boolean;
  readonly cwd?: string;
  readonly user?: string;
  readonly env: readonly string[];
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
    .option("-e, --env <variable>", "NAME=VALUE", (word: string, all: readonly string[]) => [...all, word], [])
    .option("--preserve-fds <number>", "further descriptors to pass on; only 0 is supported", "0")
    .argument("<id>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (id: string, words: readonly string[], flags: Flags) => {
      process.exitCode = await exec(await open(), id, words, flags);
    });
}

async function exec({ context, processes }: OciContext, id: string, words: readonly string[], flags: Flags): Promise<number> {
  const state = await processes.state(id);
  if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot run a program in ${id}: container does not exist`);
  const program = flags.process === undefined ? programOf(readBundle(state.bundle ?? "."), words, flags) : readProcess(flags.process);
  const tty = program.terminal === true;
  const leave = flags.detach === true;
  const running = await processes.exec(id, program, {
    stdin: true,
    inherit: !tty,
    leave,
    ...(flags.consoleSocket !== undefined && { consoleSocket: flags.consoleSocket }),
  });
  if (flags.pidFile !== undefined) writeFileSync(flags.pidFile, String(running.pid));
  if (leave) return 0;
  const signal = async (number: number): Promise<void> => {
    process.kill(running.pid, number);
    await Promise.resolve();
  };
  return await runHere(context, { attachment: running.attachment, tty, exit: running.exit, signal });
}

function programOf({ process: own }: Spec, args: readonly string[], flags: Flags): ProcessSpec {
  if (own === undefined || args.length === 0) throw new RuntimeError("SPEC_INVALID", "Cannot run a program: none is named");
  const [uid, gid = "0"] = flags.user?.split(":") ?? [];
  return {
    ...own,
    args,
    terminal: flags.tty ?? false,
    cwd: flags.cwd ?? own.cwd,
    env: [...(own.env ?? []), ...flags.env],
    ...(uid !== undefined && { user: { uid: Number(uid), gid: Number(gid) } }),
  };
}
