/** RUN on a miss: a writable layer over the parent, the program run in it, what it changed committed. */
import { posix } from "node:path";
import { CodedError } from "../../store/errors.ts";
import { ownedName } from "../../store/owner.ts";
import type { ActiveSnapshot, ChainID } from "../../store/store.ts";
import { resolveAccount } from "../copy/owner.ts";
import { BuilderError } from "../errors.ts";
import type { RunRequest } from "../executor.ts";
import type { RunAction } from "../plan/graph.ts";
import { RunFolder } from "./run-folder.ts";
import { prepareMounts, type PreparedMounts } from "./run-mounts.ts";
import { nameFiles } from "./run-names.ts";
import { makeStubs } from "./run-stubs.ts";
import type { Making, SolveScope } from "./scope.ts";

/** As BuildKit's; no program should see the host's. */
const HOSTNAME = "buildkitsandbox";

export interface RunStep {
  readonly action: RunAction;
  readonly network: "default" | "none" | "host";
  /** What each mount shows, in their order. */
  readonly shown: readonly (ChainID | undefined)[];
  readonly parent: ChainID | undefined;
}

/** @throws {BuilderError} `RUN_FAILED`, `USER_UNKNOWN`, `SECRET_UNKNOWN`, `SSH_UNKNOWN` */
export async function runStep(step: RunStep, making: Making, scope: SolveScope): Promise<ChainID> {
  const { snapshots } = scope.collaborators.store;
  await using folder = RunFolder.open(scope.collaborators.scratch);
  const key = `build-${ownedName()}`;
  const active = await snapshots.prepare(key, step.parent, { ephemeral: true });
  try {
    await using prepared = await prepareMounts(step.action, step.shown, folder, making, scope);
    await execute(await prepareRun(step, prepared, active, folder, making, scope), scope);
    return (await snapshots.commit(key, { epoch: scope.epoch })).chainID;
  } finally {
    await snapshots.remove(key);
  }
}

async function prepareRun(
  { action, network, parent }: RunStep,
  prepared: PreparedMounts,
  active: ActiveSnapshot,
  folder: RunFolder,
  making: Making,
  scope: SolveScope,
): Promise<RunRequest> {
  const { request, collaborators } = scope;
  const below = await collaborators.store.snapshots.view(parent);
  const user = await resolveAccount(action.user, below);
  const stubs = await makeStubs(folder.path("stubs"), below, prepared.targets);
  const hostname = action.hostname ?? HOSTNAME;
  const env = [...action.env, ...action.hiddenEnv, ...prepared.env];
  return {
    lowers: stubs === undefined ? active.lowers : [stubs, ...active.lowers],
    upper: active.upper,
    work: active.work,
    args: action.args,
    env: env.some((pair) => pair.startsWith("HOME=")) ? env : [...env, `HOME=${user.home}`],
    cwd: posix.resolve("/", action.cwd),
    user,
    hostname,
    network,
    security: action.security,
    ...(request.limits === undefined ? {} : { limits: request.limits }),
    shmSize: request.shmSize,
    ulimits: request.ulimits,
    mounts: [...nameFiles(folder, { hostname, network, extraHosts: request.extraHosts }), ...prepared.mounts],
    onOutput: (stream, data) => making.vertex.output(stream, data),
    signal: scope.signal,
  };
}

async function execute(request: RunRequest, scope: SolveScope): Promise<void> {
  const executor = await scope.collaborators.executor();
  const shown = JSON.stringify(request.args.join(" "));
  let code: number;
  try {
    code = await executor.run(request);
  } catch (error) {
    scope.signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    throw new BuilderError("RUN_FAILED", error.message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) });
  }
  scope.signal.throwIfAborted();
  if (code !== 0) await scope.collaborators.onRunFailed?.(request, code);
  if (code !== 0) throw new BuilderError("RUN_FAILED", `Cannot run ${shown}: exit code: ${code}`, exitHint(code));
}

function exitHint(code: number): { readonly hint?: string } {
  if (code === 127) return { hint: "The program was not found in the image" };
  if (code === 126) return { hint: "The program is there but cannot be executed" };
  return code > 128 ? { hint: `It was killed by signal ${code - 128}` } : {};
}
