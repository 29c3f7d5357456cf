/** Removes a folder with all in it, whatever programs made of it: Node gives up on paths longer than PATH_MAX, rm does not use whole paths. */
import { type Dirent, lstatSync, opendirSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { StoreError } from "./errors.ts";

/** As many files are removed without a hop to another thread for each: a container leaves a dozen. */
const FEW_FILES = 64;

/** What is not there is removed already. @throws {StoreError} `MOUNT_BELOW` when something is mounted in it: that is never removed along */
export async function removeTree(path: string): Promise<void> {
  refuseMounts(path);
  if (removeFew(path, { left: FEW_FILES })) return;
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    removeDeep(path, error);
  }
}

export function removeTreeSync(path: string): void {
  refuseMounts(path);
  if (removeFew(path, { left: FEW_FILES })) return;
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    removeDeep(path, error);
  }
}

/** Bytes that a folder takes itself, on any file system: it has few entries, which are read at once. To go through one takes code that Node compiles first. */
const SMALL_FOLDER = 4096;

/** False when there are more, or something is the matter: both are for others to see to. */
function removeFew(path: string, files: { left: number }): boolean {
  try {
    const folder = lstatSync(path);
    if (!folder.isDirectory()) return false; // a link leads to what is not ours
    const entries = folder.size <= SMALL_FOLDER ? readdirSync(path, { withFileTypes: true }) : firstOf(path, files.left + 1);
    for (const entry of entries) {
      if (files.left-- === 0) return false;
      const inner = join(path, entry.name);
      if (!entry.isDirectory()) unlinkSync(inner);
      else if (!removeFew(inner, files)) return false;
    }
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Of a folder that may have very many. */
function firstOf(path: string, most: number): readonly Dirent[] {
  const folder = opendirSync(path);
  const entries: Dirent[] = [];
  try {
    for (let entry = folder.readSync(); entry !== null && entries.length < most; entry = folder.readSync()) entries.push(entry);
  } finally {
    folder.closeSync();
  }
  return entries;
}

function removeDeep(path: string, error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENAMETOOLONG") throw error;
  const { spawnSync } = process.getBuiltinModule("node:child_process"); // seldom needed, and every command loads this file
  const { status, stderr } = spawnSync("rm", ["-rf", "--", path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot remove ${path}: ${stderr?.trim().slice(0, 300)}`, { cause: error });
}

/** A container that may mount and shares a volume's propagation can put any file system into a folder of ours. */
function refuseMounts(path: string): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const name = basename(path);
  if (!mounts.includes(name) && !/[\s\\]/.test(name)) return; // the usual case, at the price of one read
  const whole = resolve(path);
  let real: string;
  try {
    real = join(realpathSync(dirname(whole)), basename(whole));
  } catch {
    return; // not there
  }
  const below = mounts
    .split("\n")
    .map((line) => (line.split(" ", 5)[4] ?? "").replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .find((point) => point === real || point.startsWith(`${real}/`));
  if (below !== undefined)
    throw new StoreError("MOUNT_BELOW", `Cannot remove ${path}: something is mounted on ${below}`, { hint: `Unmount it first: umount ${below}` });
}

/** Also when it is not there. Node's rmSync loads a module for what else it might meet. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
