/** Waiting for a container's end: its monitor tells; when there is none any more, the record or its absence does. */
import { setTimeout as sleep } from "node:timers/promises";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord } from "../process.ts";
import { connectMonitor } from "./connect.ts";
import type { Folder } from "./folder.ts";
import { settledState } from "./reclaim.ts";

const POLL_MS = 20;

/** @throws {RuntimeError} `CONTAINER_UNKNOWN` when it is removed meanwhile */
export async function waitForExit(folder: Folder, id: string, signal: AbortSignal | undefined): Promise<ExitRecord> {
  for (;;) {
    signal?.throwIfAborted();
    const told = await toldExit(folder.path, signal);
    signal?.throwIfAborted();
    const exit = told ?? folder.exit();
    if (exit !== undefined) return exit;
    const state = await settledState(folder, id);
    if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot wait for ${id}: it was removed`);
    if (state.status === "stopped") return state.exit ?? unknownExit();
    await sleep(POLL_MS);
  }
}

/** Of one without monitor: only its caller has seen how it ended. */
function unknownExit(): ExitRecord {
  return { exitCode: 137, oomKilled: false, finishedAt: new Date().toISOString() };
}

/** Undefined when no monitor listens, or when it goes away without a word. */
async function toldExit(folder: string, signal: AbortSignal | undefined): Promise<ExitRecord | undefined> {
  const client = await connectMonitor(folder);
  if (client === undefined) return undefined;
  const abort = (): void => {
    client.close();
  };
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted === true) abort(); // while it was connecting
  try {
    return await client.exit;
  } catch {
    return undefined;
  } finally {
    signal?.removeEventListener("abort", abort);
    client.close();
  }
}
