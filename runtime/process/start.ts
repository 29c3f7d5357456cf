/** Letting a created program go. */
import { RuntimeError } from "../errors.ts";
import { connectMonitor } from "./connect.ts";
import type { Folder } from "./folder.ts";
import { encodeFrame, FRAME } from "./frames.ts";
import { loadHooks } from "./hooks/load.ts";
import { sendSignal, signalMembers } from "./control.ts";
import { startLeft } from "./start-left.ts";
import { stateOf } from "./status.ts";

const SIGKILL = 9;

/** @throws {RuntimeError} `CONTAINER_STATE`; `HOOK_FAILED`, and it is killed then; `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE` when only execve could tell */
export async function startContainer(folder: Folder, id: string): Promise<void> {
  const { status = "unknown", pid = 0 } = stateOf(folder, id) ?? {};
  if (status !== "created") throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: it is ${status}`);
  await letGo(folder, id);
  const recorded = folder.recorded();
  const hooks = recorded === undefined ? undefined : await loadHooks(recorded.spec, id, recorded.bundle, folder.path);
  await hooks?.started(pid).catch(async (error: unknown) => {
    if (recorded?.groups !== undefined) await signalMembers(recorded.groups, SIGKILL);
    sendSignal(pid, SIGKILL);
    throw error;
  });
}

async function letGo(folder: Folder, id: string): Promise<void> {
  if (folder.pids()?.monitor === 0) {
    await startLeft(folder.path, id);
    return;
  }
  const client = await connectMonitor(folder.path);
  if (client === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: its monitor is gone`);
  try {
    client.send(encodeFrame(FRAME.start));
    await client.started;
  } finally {
    client.close();
  }
}
