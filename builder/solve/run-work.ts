/** RUN: a writable layer over the parent, the program run in it, what it changed committed. */
import { posix } from "node:path";
import { ownedName } from "../../store/owner.ts";
import type { ChainID } from "../../store/store.ts";
import { resolveAccount } from "../copy/owner.ts";
import { BuilderError } from "../errors.ts";
import type { RunAction } from "../plan/graph.ts";
import { runParts } from "./key.ts";
import { mountedContent, prepareMounts } from "./run-mounts.ts";
import { nameFiles } from "./run-names.ts";
import { makeStubs } from "./run-stubs.ts";
import { RunFolder } from "./run-folder.ts";
import type { Making, SolveScope, Work } from "./scope.ts";

/** As BuildKit's; no program should see the host's. */
const HOSTNAME = "buildkitsandbox";

export async function runWork(action: RunAction, parent: ChainID | undefined, scope: SolveScope): Promise<Work> {
  const shown = await Promise.all(action.mounts.map(async (mount) => (mount.kind === "bind" ? await mountedContent(mount, scope) : undefined)));
  const network = action.network === "default" ? scope.request.network : action.network;
  const contents = shown.map((content) => content?.digest ?? "");
  return {
    full: async () => runParts(action, network, contents, { parent, epoch: scope.epoch, platform: scope.platform }),
    async make(making) {
      making.explain({ before: undefined, now: undefined });
      return await run(action, network, shown.map((content) => content?.chain), parent, making, scope);
    },
  };
}

async function run(action: RunAction, network: "default" | "none" | "host", shown: readonly (ChainID | undefined)[], parent: ChainID | undefined, making: Making, scope: SolveScope): Promise<ChainID> {
  const { store } = scope.collaborators;
  const { snapshots } = store;
  await using folder = RunFolder.open(scope.collaborators.scratch);
  const key = `build-${ownedName()}`;
  const active = await snapshots.prepare(key, parent, { ephemeral: true });
  try {
    const below = await snapshots.view(parent);
    const account = await resolveAccount(action.user, below);
    const prepared = await prepareMounts(action, shown, folder, scope);
    const stubs = await makeStubs(folder.path("stubs"), below, prepared.targets);
    const env = [...action.env, ...action.hiddenEnv, ...prepared.env];
    const executor = await scope.collaborators.executor();
    const code = await executor.run({
      lowers: stubs === undefined ? active.lowers : [stubs, ...active.lowers],
      upper: active.upper,
      work: active.work,
      args: action.args,
      env: env.some((pair) => pair.startsWith("HOME=")) ? env : [...env, `HOME=${account.home}`],
      cwd: posix.resolve("/", action.cwd),
      user: account,
      hostname: HOSTNAME,
      network,
      shmSize: scope.request.shmSize,
      ulimits: scope.request.ulimits,
      mounts: [...nameFiles(folder, network, scope.request.extraHosts), ...prepared.mounts],
      onOutput: (stream, data) => making.vertex.output(stream, data),
      signal: scope.signal,
    });
    scope.signal.throwIfAborted();
    if (code !== 0) throw new BuilderError("RUN_FAILED", `Cannot run ${JSON.stringify(action.args.join(" "))}: exit code: ${code}`, exitHint(code));
    return (await snapshots.commit(key, { epoch: scope.epoch })).chainID;
  } finally {
    await snapshots.remove(key);
  }
}

function exitHint(code: number): { readonly hint?: string } {
  if (code === 127) return { hint: "The program was not found in the image" };
  if (code === 126) return { hint: "The program is there but cannot be executed" };
  return code > 128 ? { hint: `It was killed by signal ${code - 128}` } : {};
}
