/** A pause for as long as something takes, `commit` say. Whoever paused is told in a file: killed meanwhile, it does not leave the container paused for good. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFile } from "../../store/remove-tree.ts";
import { isAlive } from "../../store/process-id.ts";
import { containerFolder, type Parts } from "./parts.ts";
import { ownProcess } from "./self.ts";

export async function whilePaused<T>(parts: Parts, id: string, act: () => Promise<T>): Promise<T> {
  writeFileSync(markerOf(parts, id), JSON.stringify(ownProcess()));
  try {
    await parts.processes.pause(id);
    try {
      return await act();
    } finally {
      await parts.processes.resume(id);
    }
  } finally {
    forgetPauser(parts, id);
  }
}

/** It is paused by hand from now on, or not at all. */
export function forgetPauser(parts: Parts, id: string): void {
  removeFile(markerOf(parts, id));
}

/** Resumes what is paused by somebody who is gone. Whether it did. */
export async function resumeForgotten(parts: Parts, id: string): Promise<boolean> {
  const by = pauserOf(parts, id);
  if (by === undefined || isAlive(by.pid, by.startTime)) return false;
  await parts.processes.resume(id).catch(() => undefined); // another command was quicker
  forgetPauser(parts, id);
  return true;
}

function pauserOf(parts: Parts, id: string): ReturnType<typeof ownProcess> | undefined {
  try {
    return JSON.parse(readFileSync(markerOf(parts, id), "utf8")) as ReturnType<typeof ownProcess>;
  } catch {
    return undefined; // paused by hand
  }
}

function markerOf(parts: Parts, id: string): string {
  return join(containerFolder(parts, id), "paused-by");
}
