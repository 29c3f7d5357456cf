/** Folders that one at a time works in. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { lockFolder } from "../../store/folder-lock.ts";
import { workFolder } from "../support/work-folder.ts";

const at = workFolder();

/** Keeps the folder locked in another process. */
async function lockElsewhere(folder: string): Promise<ChildProcess> {
  const child = spawn("flock", [folder, "sh", "-c", "echo locked; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  await once(child.stdout, "data");
  return child;
}

test("a folder that another process works in is waited for, until that one is killed", async () => {
  const other = await lockElsewhere(at());
  let waits = 0;
  const locking = lockFolder(at(), { onWait: () => void (waits += 1) });
  await expect.poll(() => waits).toBe(1);
  process.kill(-other.pid!, "SIGKILL");
  using _lock = await locking;
  await expect(lockFolder(at(), { signal: AbortSignal.timeout(50) })).rejects.toThrow("aborted");
  expect(waits).toBe(1);
  expect(readdirSync(at())).toEqual([]);
});

test("who has waited long enough goes on, and so does who works where nothing can be locked", async () => {
  using _first = await lockFolder(at());
  using _second = await lockFolder(at(), { patience: 50 });
  using _none = await lockFolder(at("none"));
});
