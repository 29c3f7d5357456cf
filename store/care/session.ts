/**
 * Which processes are writing now. Each leaves one empty file while it is at it; a collection elsewhere then spares everything
 * younger than the oldest of them, which may not be named by any record yet.
 */
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { removeFile } from "../remove-tree.ts";
import type { Layout } from "../layout.ts";
import { isAbandoned, ownedName } from "../owner.ts";

export const WRITER_SUFFIX = ".writer";
/** Milliseconds. A server that writes for ever must not keep rubbish for ever. */
const MAX_SPARED_MS = 3_600_000;
/** Longer than the clock of files stands still. */
const CLOCK_STEP_MS = 12;

export interface Session {
  /** Idempotent: the first write of this process. */
  begin(): void;
  end(): void;
}

export function openSession(layout: Layout): Session {
  let file: string | undefined;
  return {
    begin() {
      if (file !== undefined) return;
      file = join(layout.ingest, `${ownedName()}${WRITER_SUFFIX}`);
      writeFileSync(file, "");
    },
    end() {
      if (file !== undefined) removeFile(file);
      file = undefined;
    },
  };
}

/** Milliseconds since the epoch by the clock of files: what is written from now on is younger, what was written before is not. */
export async function fileClock(layout: Layout): Promise<number> {
  await setTimeout(CLOCK_STEP_MS);
  const probe = join(layout.ingest, ownedName());
  writeFileSync(probe, "");
  const { mtimeMs } = statSync(probe);
  rmSync(probe);
  return Math.floor(mtimeMs);
}

/** Milliseconds since the epoch: what is younger stays. This process's own session does not count. */
export function sparedSince(layout: Layout, now: number): number {
  const others = readdirSync(layout.ingest).filter(
    (name) => name.endsWith(WRITER_SUFFIX) && !name.startsWith(`${process.pid}.`) && !isAbandoned(name.slice(0, -WRITER_SUFFIX.length)),
  );
  const starts = others.map((name) => statSync(join(layout.ingest, name), { throwIfNoEntry: false })?.mtimeMs ?? now);
  return starts.length === 0 ? Infinity : Math.max(Math.floor(Math.min(...starts)), now - MAX_SPARED_MS); // what is made young gets whole milliseconds
}
