/** Connects to the attach.sock of a state folder, also where its path is longer than a socket address. */
import { closeSync, constants, openSync } from "node:fs";
import { tryConnecting } from "../../system/local-socket.ts";
import { MonitorClient } from "./client.ts";

/** Undefined when no monitor listens there. */
export async function connectMonitor(folder: string): Promise<MonitorClient | undefined> {
  let descriptor: number;
  try {
    descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
  try {
    const socket = await tryConnecting(`/proc/self/fd/${descriptor}/attach.sock`);
    return socket < 0 ? undefined : new MonitorClient(socket);
  } finally {
    closeSync(descriptor);
  }
}
