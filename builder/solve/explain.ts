/** Why a step hit or missed, in words: its key compared part by part with what this place last looked like. */
import type { FileList } from "./file-list.ts";
import type { LastLook } from "./cache.ts";
import type { KeyParts } from "./key.ts";

const MAX_NAMED_FILES = 3;

export interface FileChange {
  readonly before: FileList | undefined;
  readonly now: FileList | undefined;
}

export function explainMiss(parts: KeyParts, last: LastLook | undefined, files: FileChange): string {
  if (last === undefined) return "this step was not built here before";
  const names = [...new Set([...Object.keys(last.parts), ...Object.keys(parts)])].filter((name) => last.parts[name] !== parts[name]).sort();
  if (names.length === 0) return "nothing changed, but its layer is gone from the store";
  if (names.includes("kind")) return "another instruction stood here";
  if (names.length > 1 && names.includes("parent")) names.splice(names.indexOf("parent"), 1);
  return names.map((name) => describe(name, parts, last.parts, files)).join("; ");
}

function describe(name: string, now: KeyParts, before: KeyParts, files: FileChange): string {
  if (name === "parent") return "the step before it gave another layer";
  if (name === "epoch") return `SOURCE_DATE_EPOCH went from ${before[name]} to ${now[name]}`;
  if (name === "files" || name === "mounted files") return changedFiles(name, files);
  if (name.startsWith("env ")) return describeVariable(name.slice(4), before[name], now[name]);
  return `${name} changed from ${before[name] ?? "nothing"} to ${now[name] ?? "nothing"}`;
}

function describeVariable(name: string, before: string | undefined, now: string | undefined): string {
  if (before === undefined) return `${name} is new`;
  if (now === undefined) return `${name} is no longer set`;
  return `${name} changed from ${JSON.stringify(before.slice(name.length + 1))} to ${JSON.stringify(now.slice(name.length + 1))}`;
}

function changedFiles(what: string, { before, now }: FileChange): string {
  if (before === undefined || now === undefined) return `${what} changed`;
  const changes: string[] = [];
  const old = new Map(before.map((file) => [file.path, file]));
  for (const { path, digest, meta } of now) {
    const known = old.get(path);
    old.delete(path);
    if (known === undefined) changes.push(`${path} is new`);
    else if (known.digest !== digest) changes.push(`${path} changed`);
    else if (known.meta !== meta) changes.push(`${path} has another mode or owner`);
  }
  for (const path of old.keys()) changes.push(`${path} is gone`);
  const named = changes.slice(0, MAX_NAMED_FILES).join(", ");
  return changes.length > MAX_NAMED_FILES ? `${named} and ${changes.length - MAX_NAMED_FILES} more files` : named || `the selection of ${what} changed`;
}
