/** Tells when something was written to a file, or another took its name. */
import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";

/** Where inotify tells nothing (some network file systems, no watches left), and when the end itself writes nothing. */
const FALLBACK_MS = 500;

export interface Changes extends Disposable {
  /** Resolves at the next change, or when it is time to look anyway. */
  next(): Promise<void>;
}

/** The folder is watched: a watch of the file itself would follow it to its next name. */
export function changesOf(path: string, signal: AbortSignal | undefined): Changes {
  let wake: () => void = () => {};
  let pending = false;
  const notice = (): void => {
    pending = true;
    wake();
  };
  const watcher = watchFolder(dirname(path), notice);
  signal?.addEventListener("abort", notice);
  return {
    async next(): Promise<void> {
      if (!pending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, FALLBACK_MS);
          wake = (): void => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      pending = false;
    },
    [Symbol.dispose](): void {
      watcher?.close();
      signal?.removeEventListener("abort", notice);
    },
  };
}

/** Undefined when the kernel has no watch to give: all of a user's are bounded, and the log can be read without. */
function watchFolder(folder: string, notice: () => void): FSWatcher | undefined {
  try {
    return watch(folder, notice).on("error", notice);
  } catch {
    return undefined;
  }
}
