/** Where two image configurations differ. */
import { isDeepStrictEqual } from "node:util";
import type { ImageConfig } from "../image/archive.ts";

/** Of docker's config; what is left out says where an image was made (Hostname, Image, Domainname) or is always the same. */
const FIELDS = [
  "Env",
  "Cmd",
  "Entrypoint",
  "WorkingDir",
  "User",
  "ExposedPorts",
  "Volumes",
  "Labels",
  "StopSignal",
  "Shell",
  "OnBuild",
  "Healthcheck",
  "ArgsEscaped",
] as const;

export function configDifferences(one: ImageConfig, other: ImageConfig): readonly string[] {
  const found = FIELDS.flatMap((field) => unequal(field, one.config?.[field], other.config?.[field]));
  return [...found, ...unequal("author", one.author, other.author)];
}

/** One line of history for each instruction: what made it, and whether it made a layer. */
export function historyDifferences(one: ImageConfig, other: ImageConfig): readonly string[] {
  const [first, second] = [lines(one), lines(other)];
  return Array.from({ length: Math.max(first.length, second.length) }, (_, index) => unequal(`history[${index}]`, first[index], second[index])).flat();
}

function lines(config: ImageConfig): readonly string[] {
  return (config.history ?? []).map(
    ({ created_by = "", empty_layer = false, comment = "" }) => `${created_by}${empty_layer ? " (no layer)" : ""} (${comment})`,
  );
}

function unequal(name: string, one: unknown, other: unknown): readonly string[] {
  return isDeepStrictEqual(present(one), present(other)) ? [] : [`${name} ${show(one)} ≠ ${show(other)}`];
}

/** Absent, null and empty say the same. */
function present(value: unknown): unknown {
  if (value === null || value === "" || value === false) return undefined;
  if (typeof value === "object" && Object.keys(value).length === 0) return undefined;
  return value;
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
