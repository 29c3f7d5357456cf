/** Letting a created program go. */
import { RuntimeError } from "../errors.ts";
import { connectMonitor } from "./connect.ts";
import type { Folder } from "./folder.ts";
import { encodeFrame, FRAME } from "./frames.ts";
import { startLeft } from "./start-left.ts";
import { stateOf } from "./status.ts";

/** @throws {RuntimeError} `CONTAINER_STATE`; `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE` when only execve could tell */
export async function startContainer(folder: Folder, id: string): Promise<void> {
  const status = stateOf(folder, id)?.status ?? "unknown";
  if (status !== "created") throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: it is ${status}`);
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
