/** `-a` of run and create: which streams are joined. */
import { UsageError } from "../errors.ts";

/** Undefined where nothing was said. @throws {UsageError} */
export function parseStreams(names: readonly string[]): ReadonlySet<string> | undefined {
  const lower = names.map((name) => name.toLowerCase());
  const wrong = lower.find((name) => name !== "stdin" && name !== "stdout" && name !== "stderr");
  if (wrong !== undefined) throw new UsageError(`invalid --attach: ${JSON.stringify(wrong)}: valid streams are STDIN, STDOUT and STDERR`);
  return lower.length === 0 ? undefined : new Set(lower);
}
