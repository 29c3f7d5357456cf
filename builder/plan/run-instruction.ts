/** RUN becomes a step: its program, what it sees of arguments and environment, what is mounted. */
import { chomp } from "../dockerfile/heredoc.ts";
import { BuilderError } from "../errors.ts";
import type { InstructionOf } from "../dockerfile/instruction.ts";
import { proxyVariables } from "./arguments.ts";
import type { InlineFile } from "./graph.ts";
import { heredocAlone } from "./heredoc-alone.ts";
import { parseMount } from "./mount.ts";
import type { StageState } from "./stage-state.ts";

/** @throws {BuilderError} `NOT_ALLOWED`, `FLAG_INVALID`, `SUBSTITUTION_FAILED` */
export function applyRun(state: StageState, instruction: InstructionOf<"RUN">): void {
  requireAllowed(state, instruction);
  const { args, scripts } = program(state, instruction);
  const environment = state.environment();
  const { buildArgs, from } = state.scope;
  const scope = {
    cwd: state.cwd,
    expand: (text: string) => state.expand(text, instruction),
    from,
    cacheNamespace: buildArgs.get("BUILDKIT_CACHE_MOUNT_NS") ?? "",
  };
  const hostname = buildArgs.get("BUILDKIT_SANDBOX_HOSTNAME");
  state.addStep(
    {
      kind: "run",
      args,
      scripts,
      env: [...environment].map(([name, value]) => `${name}=${value}`),
      hiddenEnv: [...proxyVariables(buildArgs)].flatMap(([name, value]) => (environment.has(name) ? [] : [`${name}=${value}`])),
      cwd: state.cwd,
      user: state.config.User ?? "",
      ...(hostname === undefined || hostname === "" ? {} : { hostname }),
      network: instruction.network,
      security: instruction.security,
      mounts: instruction.mounts.map((text) => parseMount(text, scope)),
    },
    instruction,
    `RUN ${[...shownArgs(state), ...args].join(" ")} # buildkit`,
  );
}

/** Before anything is built: a step that may do all that root can do is the user's to allow. */
function requireAllowed(state: StageState, { security }: InstructionOf<"RUN">): void {
  if (security === "sandbox" || state.scope.allow?.has("security.insecure") === true) return;
  throw new BuilderError("NOT_ALLOWED", "Cannot use RUN --security=insecure: security.insecure is not allowed", {
    hint: "Allow it by --allow security.insecure: the step can then do to this machine whatever root can",
  });
}

/** Every declared ARG with the value that the program sees. */
function shownArgs(state: StageState): readonly string[] {
  const variables = state.variables();
  const shown = Array.from(state.args.keys(), (name) => `${name}=${variables.get(name) ?? ""}`);
  return shown.length === 0 ? [] : [`|${shown.length}`, ...shown];
}

function program(state: StageState, instruction: InstructionOf<"RUN">): { readonly args: readonly string[]; readonly scripts: readonly InlineFile[] } {
  const { command, heredocs } = instruction;
  if (command.form === "exec") return { args: command.args, scripts: [] };
  const alone = heredocAlone(instruction);
  if (alone === undefined) return { args: [...state.shell, command.text + heredocs.map(({ body, name }) => `\n${body}${name}`).join("")], scripts: [] };
  const body = alone.chomp ? chomp(alone.body) : alone.body;
  if (!body.startsWith("#!")) return { args: [...state.shell, body], scripts: [] };
  return { args: [`/dev/pipes/${alone.name}`], scripts: [{ name: alone.name, content: body }] };
}
