/** strata-runtime COMMAND …: an OCI runtime as podman, docker and containerd call one. */
import { Command } from "commander";
import { compose } from "./compose.ts";
import { report } from "./errors.ts";
import type { OciContext, OpenOci } from "./oci/context.ts";
import { type LogTarget, logLine } from "./oci/log.ts";
import { makeOwn, stateRoot } from "./oci/state-root.ts";
import { sayUsage } from "./usage.ts";

const STATE = stateRoot(process.env);

interface Globals extends LogTarget {
  readonly root: string;
  readonly systemdCgroup?: boolean;
  readonly cgroupManager?: string;
}

/** Loaded only when called. */
const COMMANDS: Readonly<Record<string, () => Promise<(open: OpenOci) => Command>>> = {
  checkpoint: async () => (await import("./commands/runtime-checkpoint.ts")).command,
  create: async () => (await import("./commands/runtime-create.ts")).command,
  delete: async () => (await import("./commands/runtime-delete.ts")).command,
  events: async () => (await import("./commands/runtime-events.ts")).command,
  exec: async () => (await import("./commands/runtime-exec.ts")).command,
  features: async () => (await import("./commands/runtime-features.ts")).command,
  kill: async () => (await import("./commands/runtime-kill.ts")).command,
  list: async () => (await import("./commands/runtime-list.ts")).command,
  pause: async () => (await import("./commands/runtime-pause.ts")).command,
  ps: async () => (await import("./commands/runtime-ps.ts")).command,
  restore: async () => (await import("./commands/runtime-checkpoint.ts")).restoreCommand,
  resume: async () => (await import("./commands/runtime-pause.ts")).resumeCommand,
  run: async () => (await import("./commands/runtime-run.ts")).command,
  spec: async () => (await import("./commands/runtime-spec.ts")).command,
  start: async () => (await import("./commands/runtime-start.ts")).command,
  state: async () => (await import("./commands/runtime-state.ts")).command,
  update: async () => (await import("./commands/runtime-update.ts")).command,
};

async function program(words: readonly string[]): Promise<Command> {
  const main = new Command("strata-runtime")
    .description("Run containers as the OCI runtime specification has it")
    .version("strata-runtime 0.1.0\nspec: 1.2.0", "-v, --version")
    .option("--root <folder>", "where the state of containers is kept", STATE.path)
    .option("--log <file>", "write errors and warnings there")
    .option("--log-format <format>", "text or json", "text")
    .option("--debug", "accepted for others' sake")
    .option("--cgroup-manager <manager>", "cgroupfs, the only one there is")
    .option("--systemd-cgroup", "refused: cgroups are divided without systemd")
    .option("--criu <program>", "accepted for others' sake; checkpoints are refused")
    .option("--rootless <when>", "accepted for others' sake: whoever is not root gets what is possible without")
    .enablePositionalOptions();
  const open = async (): Promise<OciContext> => await openOci(main.opts<Globals>());
  // Only the one that is called is loaded; help needs the names of all.
  for (const [name, load] of Object.entries(COMMANDS))
    if (words.includes(name) || words.includes("--help") || words.includes("-h")) main.addCommand((await load())(open).name(name));
  sayUsage(main, "strata-runtime");
  return main;
}

async function openOci(globals: Globals): Promise<OciContext> {
  if (globals.systemdCgroup === true || (globals.cgroupManager ?? "cgroupfs") !== "cgroupfs") await refuseSystemd();
  if (globals.root === STATE.path && STATE.shared !== undefined) makeOwn(STATE.shared);
  const context = compose(undefined);
  const { openProcesses } = await import("../runtime/open-processes.ts");
  const warn = (text: string): void => {
    process.stderr.write(`strata-runtime: ${text}\n`);
    logLine(globals, "warning", text);
  };
  return { context, runRoot: globals.root, processes: await openProcesses({ runRoot: globals.root, helper: context.programs.helper, cgroupParent: "", warn }) };
}

async function refuseSystemd(): Promise<never> {
  const { RuntimeError } = await import("../runtime/errors.ts");
  throw new RuntimeError("UNSUPPORTED", "Cannot use systemd's cgroups: strata-runtime divides cgroups itself", {
    hint: "Tell your engine so: podman --cgroup-manager=cgroupfs, or docker's exec-opts native.cgroupdriver=cgroupfs",
  });
}

async function main(words: readonly string[]): Promise<void> {
  const commands = await program(words);
  try {
    await commands.parseAsync(words, { from: "user" });
  } catch (error) {
    const { status, text } = report(error);
    if (text !== "") process.stderr.write(`strata-runtime: ${text}\n`);
    logLine(commands.opts<Globals>(), "error", text);
    process.exitCode = status;
  }
}

void main(process.argv.slice(2));
