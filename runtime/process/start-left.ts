/** Starting a container that no monitor keeps: init waits on a FIFO, and its end of it closes with execve. */
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RuntimeError } from "../errors.ts";
import { failureOf } from "./failure.ts";

const POLL_MS = 1;
const TRIES = 10_000;

/** @throws {RuntimeError} `CONTAINER_STATE` when init is gone; `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE` */
export async function startLeft(folder: string, id: string): Promise<void> {
  const fifo = openWriter(join(folder, "start"), id);
  try {
    for (let tries = 0; offer(fifo); tries++) {
      if (tries === TRIES) throw new RuntimeError("LAUNCH_FAILED", `Cannot start ${id}: init did not execute the program in time`);
      await sleep(POLL_MS);
    }
  } finally {
    closeSync(fifo);
  }
  const failure = readFileSync(join(folder, "failure"));
  if (failure.length > 0) throw failureOf(failure);
  writeFileSync(join(folder, "started"), new Date().toISOString(), { mode: 0o600 });
}

function openWriter(path: string, id: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new RuntimeError("CONTAINER_STATE", `Cannot start ${id}: its init is gone`, { cause: error });
  }
}

/** @returns whether somebody still holds the other end; the first byte lets init go, further ones only ask */
function offer(fifo: number): boolean {
  try {
    writeSync(fifo, "s");
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EAGAIN") return true;
    if (code === "EPIPE") return false;
    throw error;
  }
}
