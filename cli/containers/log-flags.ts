/** `--log-driver` and `--log-opt`: how a container's log is kept. */
import type { ContainerOptions } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { parseBytes } from "./sizes.ts";

/** @throws {UsageError} */
export function parseLog(driver: string | undefined, options: readonly string[]): Pick<ContainerOptions, "log"> {
  if (driver !== undefined && driver !== "json-file") throw new UsageError(`logger: no log driver named '${driver}' is registered`);
  if (options.length === 0) return {};
  const form = Object.assign({}, ...options.map(parseOption)) as { readonly maxSize?: number; readonly maxFiles?: number };
  if (form.maxFiles !== undefined && form.maxSize === undefined) throw new UsageError("invalid log option: max-file needs a max-size");
  return { log: { format: "json", ...form } };
}

function parseOption(text: string): { readonly maxSize?: number; readonly maxFiles?: number } {
  const [key = "", value = ""] = text.split(/=(.*)/s);
  if (key === "max-size") {
    const maxSize = value === "-1" ? 0 : parseBytes(value);
    if (value !== "-1" && maxSize <= 0) throw new UsageError("max-size must be a positive number");
    return { maxSize };
  }
  if (key !== "max-file") throw new UsageError(`unknown log opt '${key}' for json-file log driver`);
  const maxFiles = /^\d+$/.test(value) ? Number(value) : 0;
  if (maxFiles < 1) throw new UsageError("max-file cannot be less than 1");
  return { maxFiles };
}
