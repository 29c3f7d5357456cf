/**
 * Memory at hand for what is measured. What is free may have been given back to the host that the machine runs on: whoever touches it first waits for it,
 * seven times as long as the writing takes, and whose turn that is depends on what ran before.
 */
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";

/** Memory in the sandbox, whatever is measured on. */
const PATH = "/run/strata-bench-touched";
const BLOCK = Buffer.alloc(1 << 20, 1);

/** Right before the clock starts: the kernel hands out first what was freed last. */
export async function touchMemory(mebibytes: number): Promise<void> {
  try {
    await using file = await open(PATH, "w");
    for (let left = mebibytes; left > 0; left--) await file.write(BLOCK);
  } finally {
    rmSync(PATH, { force: true });
  }
}
