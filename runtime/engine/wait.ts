/** Waits for a container's exit record, from the process while it is there and from the container's record afterwards. */
import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord } from "../process.ts";
import { markerPath, type Parts } from "./parts.ts";
import { inspect } from "./status.ts";

/** A container that was created only is waited for until it has been started and has ended. */
export async function waitForExit(parts: Parts, reference: string, options: { readonly signal?: AbortSignal } = {}): Promise<ExitRecord> {
  const { id } = parts.records.find(reference);
  for (;;) {
    const record = parts.records.get(id);
    if (record === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot wait for container ${reference}: it was removed`);
    const { status } = await inspect(parts, record);
    if (status.status === "exited" && status.exit !== undefined) return status.exit;
    if (status.pid !== 0) {
      const exit = await waitForProcess(parts, id, options.signal);
      if (exit !== undefined) return exit;
    } else await startOrChange(parts, id, options.signal);
  }
}

/** Undefined when its state was removed under us. */
async function waitForProcess(parts: Parts, id: string, signal: AbortSignal | undefined): Promise<ExitRecord | undefined> {
  try {
    return await parts.processes.wait(id, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN") return undefined;
    throw error;
  }
}

/** Resolves when the container's marker may have changed, at the latest after a second. */
async function startOrChange(parts: Parts, id: string, signal: AbortSignal | undefined): Promise<void> {
  const folder = dirname(markerPath(parts, id));
  await mkdir(folder, { recursive: true });
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(folder, () => end());
    const timer = setTimeout(() => end(), 1000);
    const abort = (): void => end(signal?.reason);
    const end = (error?: unknown): void => {
      watcher.close();
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    signal?.addEventListener("abort", abort);
  });
}
