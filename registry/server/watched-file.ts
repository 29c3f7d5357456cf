/** A file that is read again when it changes, so that a server need not be told. */
import { readFile, stat } from "node:fs/promises";
import { RegistryError } from "../errors.ts";

/**
 * @param parse its errors are the caller's: a file that cannot be understood lets nobody in
 * @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` when the file cannot be read now
 */
export function watchFile<Value>(path: string, what: string, parse: (text: string) => Value): () => Promise<Value> {
  let seen = "";
  let last: { readonly value: Value } | undefined;
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const version = `${ino}:${size}:${mtimeMs}`;
      if (last === undefined || version !== seen) last = { value: parse(await readFile(path, "utf8")) };
      seen = version;
      return last.value;
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause;
      throw new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read the ${what} ${path}`, { cause });
    }
  };
}
