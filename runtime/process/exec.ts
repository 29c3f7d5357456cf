/** One more process in a running container: its own monitor, its own folder below the container's. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { isAlive } from "../../store/process-id.ts";
import { randomHex } from "../../system/digest.ts";
import { RuntimeError } from "../errors.ts";
import type { Processes, Stdio } from "../process.ts";
import type { ProcessSpec } from "../spec.ts";
import type { Folder } from "./folder.ts";
import type { Host } from "./host.ts";
import { startHelper } from "./launch.ts";
import { lowerExec } from "./lower.ts";
import { seccompProgram } from "./seccomp/program.ts";
import { stateOf } from "./status.ts";

export async function execProcess(
  host: Host,
  folder: Folder,
  id: string,
  process: ProcessSpec,
  options: Parameters<Processes["exec"]>[2],
): ReturnType<Processes["exec"]> {
  const recorded = folder.recorded();
  const state = stateOf(folder, id);
  if (recorded === undefined || state === undefined || (state.status !== "running" && state.status !== "created")) {
    throw new RuntimeError("CONTAINER_STATE", `Cannot run a program in ${id}: the container is ${state?.status ?? "unknown"}`);
  }
  const inherit = options.inherit === true || options.leave === true;
  const stdio: Stdio = inherit ? { kind: "inherit" } : { kind: "monitor", stdin: options.stdin };
  const attach = options.detach !== true && !inherit;
  const { leave = false, preserve = 0 } = options;
  using helper = startHelper(host.helper, { inherit, detached: !leave, preserve });
  const execID = randomHex(16);
  const own = folder.exec(execID);
  const operations = lowerExec({
    id,
    process,
    stdio,
    spec: recorded.spec,
    init: state,
    groups: recorded.groups,
    mode: leave ? "leave" : options.bound === true ? "once" : "stay",
    start: true,
    attach,
    directory: own.path,
    ...(options.consoleSocket !== undefined && { consoleSocket: options.consoleSocket }),
    seccomp: await seccompProgram(host.runRoot, recorded.spec.linux?.seccomp),
    environment: {},
    preserve,
    rootless: host.rootless,
    nested: host.nested,
  });
  own.make();
  try {
    const { client } = helper.launch(operations);
    const { pid } = await client.ready;
    await client.started;
    if (options.detach === true) client.unref();
    const exit = client.exit.finally(() => {
      removeTreeSync(own.path);
    });
    exit.catch(() => undefined);
    return { execID, pid, ...(attach && { attachment: client.attachment() }), exit };
  } catch (error) {
    removeTreeSync(own.path);
    throw hasEnded(folder, id) ? new RuntimeError("CONTAINER_STATE", `Cannot run a program in ${id}: the container has ended`, { cause: error }) : error;
  }
}

/** Whoever stops it meanwhile takes its groups and namespaces from under us; its record comes a moment later. */
function hasEnded(folder: Folder, id: string): boolean {
  const state = stateOf(folder, id);
  return state === undefined || !isAlive(state.pid, state.startTime);
}
