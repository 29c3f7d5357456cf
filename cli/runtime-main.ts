/** strata-runtime COMMAND …: an OCI runtime as podman and containerd call one. */
import { appendFileSync } from "node:fs";
import { Command } from "commander";
import { compose } from "./compose.ts";
import { report } from "./errors.ts";
import type { OciContext, OpenOci } from "./oci/context.ts";

const ROOT = "/run/strata-runtime";

interface Globals {
  readonly root: string;
  readonly log?: string;
  readonly logFormat: string;
}

/** Loaded only when called. */
const COMMANDS: Readonly<Record<string, () => Promise<(open: OpenOci) => Command>>> = {
  create: async () => (await import("./commands/runtime-create.ts")).command,
  delete: async () => (await import("./commands/runtime-delete.ts")).command,
  exec: async () => (await import("./commands/runtime-exec.ts")).command,
  features: async () => (await import("./commands/runtime-features.ts")).command,
  kill: async () => (await import("./commands/runtime-kill.ts")).command,
  pause: async () => (await import("./commands/runtime-pause.ts")).command,
  ps: async () => (await import("./commands/runtime-ps.ts")).command,
  resume: async () => (await import("./commands/runtime-pause.ts")).resumeCommand,
  run: async () => (await import("./commands/runtime-run.ts")).command,
  start: async () => (await import("./commands/runtime-start.ts")).command,
  state: async () => (await import("./commands/runtime-state.ts")).command,
  update: async () => (await import("./commands/runtime-update.ts")).command,
};

async function program(words: readonly string[]): Promise<Command> {
  const main = new Command("strata-runtime")
    .description("Run containers as the OCI runtime specification has it")
    .version("strata-runtime 0.1.0\nspec: 1.2.0", "-v, --version")
    .option("--root <folder>", "where the state of containers is kept", ROOT)
    .option("--log <file>", "write errors there")
    .option("--log-format <format>", "text or json", "text")
    .option("--debug", "accepted for others' sake")
    .option("--cgroup-manager <manager>", "accepted for others' sake; only cgroupfs is supported")
    .option("--systemd-cgroup", "not supported")
    .option("--rootless <when>", "accepted for others' sake")
    .enablePositionalOptions();
  const open = async (): Promise<OciContext> => {
    const context = compose(undefined);
    const { openProcesses } = await import("../runtime/open-processes.ts");
    return { context, processes: await openProcesses({ runRoot: main.opts<Globals>().root, helper: context.programs.helper, cgroupParent: "" }) };
  };
  // Only the one that is called is loaded; help needs the names of all.
  for (const [name, load] of Object.entries(COMMANDS))
    if (words.includes(name) || words.includes("--help") || words.includes("-h")) main.addCommand((await load())(open).name(name));
  return main;
}

async function main(words: readonly string[]): Promise<void> {
  const commands = await program(words);
  try {
    await commands.parseAsync(words, { from: "user" });
  } catch (error) {
    const { status, text } = report(error);
    const { log, logFormat } = commands.opts<Globals>();
    if (text !== "") process.stderr.write(`strata-runtime: ${text}\n`);
    if (log !== undefined && text !== "")
      appendFileSync(log, logFormat === "json" ? `${JSON.stringify({ level: "error", msg: text, time: new Date().toISOString() })}\n` : `${text}\n`);
    process.exitCode = status;
  }
}

void main(process.argv.slice(2));
