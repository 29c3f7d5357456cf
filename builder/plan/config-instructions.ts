/** Instructions that change only the image's configuration: each leaves an empty history entry. */
import { BuilderError } from "../errors.ts";
import type { Command, InstructionOf } from "../dockerfile/instruction.ts";
import { expandPorts } from "../dockerfile/port.ts";
import { signalNumber } from "../dockerfile/signal.ts";
import { goDuration, goQuote } from "./go-format.ts";
import { isSteering } from "./arguments.ts";
import type { StageState } from "./stage-state.ts";

export function applyArg(state: StageState, instruction: InstructionOf<"ARG">): void {
  const { buildArgs, globals } = state.scope;
  const seen: string[] = [];
  for (const { name, value } of instruction.args) {
    const given = buildArgs.get(name) ?? (value === undefined ? globals.values.get(name) : state.expand(value, instruction));
    seen.push(given === undefined ? name : `${name}=${given}`);
    if (!isSteering(name)) state.args.set(name, given ?? state.args.get(name));
  }
  state.record(`ARG ${seen.join(" ")}`);
}

export function applyEnv(state: StageState, instruction: InstructionOf<"ENV" | "LABEL">): void {
  const variables = state.variables(); // values are fixed for the whole instruction
  const pairs = instruction.pairs.map(({ name, value }) => [state.expand(name, instruction, variables), state.expand(value, instruction, variables)] as const);
  if (instruction.kind === "ENV") for (const [name, value] of pairs) state.env.set(name, value);
  else state.collect("Labels", pairs);
  state.record(`${instruction.kind} ${pairs.map(([name, value]) => `${name}=${value}`).join(" ")}`);
}

export function applyUser(state: StageState, instruction: InstructionOf<"USER">): void {
  const user = state.expand(instruction.value, instruction);
  state.config.User = user;
  state.record(`USER ${user}`);
}

export function applyExpose(state: StageState, instruction: InstructionOf<"EXPOSE">): void {
  const ports = instruction.ports
    .toSorted()
    .flatMap((word) => state.expandWords(word, instruction))
    .flatMap(expandPorts);
  state.collect(
    "ExposedPorts",
    ports.map((port) => [port, {}]),
  );
  state.record(`EXPOSE [${ports.join(" ")}]`);
}

export function applyVolume(state: StageState, instruction: InstructionOf<"VOLUME">): void {
  const paths = instruction.paths.map((path) => state.expand(path, instruction).trim());
  if (paths.includes("")) throw new BuilderError("DOCKERFILE_INVALID", "Cannot read VOLUME: a specified volume can not be an empty string");
  state.collect(
    "Volumes",
    paths.map((path) => [path, {}]),
  );
  state.record(`VOLUME [${paths.join(" ")}]`);
}

export function applyStopSignal(state: StageState, instruction: InstructionOf<"STOPSIGNAL">): void {
  const signal = state.expand(instruction.value, instruction);
  if (signalNumber(signal) === undefined) throw new BuilderError("DOCKERFILE_INVALID", `Cannot use STOPSIGNAL ${signal}: there is no such signal`);
  state.config.StopSignal = signal;
  state.record(`STOPSIGNAL ${signal}`);
}

export function applyShell(state: StageState, instruction: InstructionOf<"SHELL">): void {
  state.config.Shell = instruction.args;
  state.record(`SHELL [${instruction.args.join(" ")}]`);
}

export function applyMaintainer(state: StageState, instruction: InstructionOf<"MAINTAINER">): void {
  state.author = instruction.value;
  state.record(`MAINTAINER ${instruction.value}`);
}

export function applyCommand(state: StageState, instruction: InstructionOf<"CMD" | "ENTRYPOINT">): void {
  const args = commandArgs(state, instruction.command);
  if (instruction.kind === "CMD") {
    state.config.Cmd = args;
    state.config.ArgsEscaped = true; // in either form, as BuildKit
    state.ownCmd = true;
  } else {
    state.config.Entrypoint = args;
    if (!state.ownCmd) delete state.config.Cmd; // an inherited command belonged to the old entry point
  }
  state.record(`${instruction.kind} [${args.map(goQuote).join(" ")}]`);
}

function commandArgs(state: StageState, command: Command): readonly string[] {
  return command.form === "exec" ? command.args : [...state.shell, command.text];
}

export function applyHealthcheck(state: StageState, instruction: InstructionOf<"HEALTHCHECK">): void {
  const { test, interval, timeout, startPeriod, startInterval, retries } = instruction;
  const words = test === "NONE" ? ["NONE"] : test.form === "exec" ? ["CMD", ...test.args] : ["CMD-SHELL", test.text];
  state.config.Healthcheck = {
    Test: words,
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
  const times = Object.entries({ Interval: interval, Timeout: timeout, StartPeriod: startPeriod, StartInterval: startInterval });
  const shown = times.map(([name, value]) => `${name}:${goDuration(value)}`).join(" ");
  state.record(`HEALTHCHECK {Test:[${words.join(" ")}] ${shown} Retries:${retries}}`);
}

export function applyOnbuild(state: StageState, instruction: InstructionOf<"ONBUILD">): void {
  state.onbuild.push(instruction.trigger); // no history entry, as BuildKit
}
