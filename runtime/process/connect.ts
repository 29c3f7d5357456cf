/** Connects to the attach.sock of a state folder, also where its path is longer than a socket address. */
import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
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
    const socket = await opened(connect(`/proc/self/fd/${descriptor}/attach.sock`));
    return socket === undefined ? undefined : new MonitorClient(socket);
  } finally {
    closeSync(descriptor);
  }
}

async function opened(socket: Socket): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    socket.once("connect", () => {
      resolve(socket);
    });
    socket.once("error", () => {
      resolve(undefined);
    });
  });
}
