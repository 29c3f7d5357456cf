/** A writable layer that is bounded: a sparse file with a file system of its own, which nobody need mount to make it. */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { StoreError } from "../errors.ts";
import { removeTree } from "../remove-tree.ts";

const PROGRAM = "mke2fs";
const KIB = 1024;
/** Below it little is left beside the file system's own tables. */
const MIN_BYTES = 4 << 20;
/** Nothing is kept for root, and what can be written later is not written now. */
const OPTIONS = ["-q", "-F", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"];

/** `folder/disk` of `size` bytes with what `fill` makes, and `folder/mounted`, empty. @throws {StoreError} `UNSUPPORTED` */
export async function makeDisk(folder: string, size: number, fill: (folder: string) => void): Promise<void> {
  if (size < MIN_BYTES) throw new StoreError("UNSUPPORTED", `Cannot bound a container's files to ${size} bytes: the least is ${MIN_BYTES}`);
  const mounted = join(folder, "mounted");
  await mkdir(mounted, { mode: 0o755 });
  fill(mounted);
  try {
    await promisify(execFile)(PROGRAM, [...OPTIONS, "-d", mounted, join(folder, "disk"), `${Math.floor(size / KIB)}k`]);
  } catch (error) {
    throw failure(size, error);
  }
  await removeTree(mounted);
  await mkdir(mounted, { mode: 0o755 });
}

function failure(size: number, error: unknown): StoreError {
  const { code, stderr = "", message } = error as Error & { readonly code?: unknown; readonly stderr?: string };
  const isMissing = code === "ENOENT";
  const found = isMissing ? `${PROGRAM} is not installed` : `${PROGRAM} said: ${stderr.trim().split("\n").at(-1) || message}`;
  return new StoreError("UNSUPPORTED", `Cannot bound a container's files to ${size} bytes: ${found}`, {
    cause: error,
    ...(isMissing && { hint: "Install it: apt-get install e2fsprogs" }),
  });
}
