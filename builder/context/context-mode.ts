/**
 * Which permission bits of a context's files count: those that a checkout's umask gives at random should not. Docs: docs/decisions/context.md.
 */
import type { SourceEntry } from "./tree.ts";

/**
 * `portable` drops what umask 002 adds to 022: the group's right to write, unless others have it too. `git` knows, as git does, only
 * whether the owner may execute: umasks 027 and 077 make no difference then. `keep` keeps all, as BuildKit does.
 */
export const CONTEXT_MODES = ["portable", "git", "keep"] as const;
export type ContextMode = (typeof CONTEXT_MODES)[number];

const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
const OWNER_WRITE = 0o200;
const OWNER_EXECUTE = 0o100;

export function portableMode(type: SourceEntry["type"], mode: number, rule: ContextMode): number {
  if (rule === "keep" || (type !== "file" && type !== "directory")) return mode;
  if (rule === "git") return type === "directory" || (mode & OWNER_EXECUTE) !== 0 ? 0o755 : 0o644;
  return (mode & OTHER_WRITE) === 0 && (mode & OWNER_WRITE) !== 0 ? mode & ~GROUP_WRITE : mode;
}
