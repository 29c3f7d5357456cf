/** -e and --env-file as docker reads them. */
import { readText } from "./read-text.ts";

/** Lines without comments and blank ones. @throws {UsageError} when the file cannot be read */
export function readEnvFile(path: string): readonly string[] {
  return readText(path)
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

/** A bare name takes the value that this process has; without one it is left out. */
export function fromOwn(entry: string, env: NodeJS.ProcessEnv): readonly string[] {
  if (entry.includes("=")) return [entry];
  const value = env[entry];
  return value === undefined ? [] : [`${entry}=${value}`];
}
