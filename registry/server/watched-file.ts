/** A file that is read again when it changes, so that a server need not be told. */
import { readFile, stat } from "node:fs/promises";
import { RegistryError } from "../errors.ts";

/** Milliseconds. Times of files are as coarse as the ticks of the kernel: one that was just written may be written once more and look the same. */
const TICK_MS = 50;

/**
 * @param parse its errors are the caller's: a file that cannot be understood lets nobody in
 * @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` when the file cannot be read now
 */
export function watchFile<Value>(path: string, what: string, parse: (text: string) => Value): () => Promise<Value> {
  let seen = "";
  let last: { readonly text: string; readonly value: Value } | undefined;
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const version = `${ino}:${size}:${mtimeMs}`;
      if (last === undefined || version !== seen) {
        const text = await readFile(path, "utf8");
        if (last?.text !== text) last = { text, value: parse(text) };
      }
      seen = Date.now() - mtimeMs < TICK_MS ? "" : version;
      return last.value;
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause;
      throw new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read the ${what} ${path}: ${stateOf(cause)}`, { cause, detail: { file: what } });
    }
  };
}

const STATES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
};

function stateOf(error: unknown): string {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: String(error) };
  return STATES[code ?? ""] ?? message;
}
