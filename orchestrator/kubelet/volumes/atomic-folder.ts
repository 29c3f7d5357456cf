/**
 * Files of a ConfigMap or Secret volume, all replaced at one moment: a folder of the new version, and the link `..data` turned to it.
 * Readers see names that are links into `..data`, as on every Kubernetes node.
 */
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile, chmod, chown } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface VolumeFile {
  /** Relative, without `..`. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly mode: number;
  /** Owner; whoever writes unless told. */
  readonly uid?: number;
}

const GROUP_READS = 0o440;

/** True when something changed. `group` may read all of it. Idempotent. */
export async function writeAtomically(folder: string, files: readonly VolumeFile[], version: string, group?: number): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const current = await readlink(join(folder, "..data")).catch(() => undefined);
  if (current !== undefined && (await holds(join(folder, current), files))) return false;
  const next = `..${version}`;
  for (const { path, bytes, mode, uid } of files) {
    const target = join(folder, next, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, bytes, { mode: 0o600 }); // nobody else's before it is who it is for
    if (uid !== undefined || group !== undefined) await chown(target, uid ?? 0, group ?? 0);
    await chmod(target, group === undefined ? mode : mode | GROUP_READS);
  }
  await mkdir(join(folder, next), { recursive: true, mode: 0o755 });
  await rm(join(folder, "..data_tmp"), { force: true });
  await symlink(next, join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  await linkNames(folder, new Set(files.map(({ path }) => path.split("/")[0] ?? path)));
  if (current !== undefined) await rm(join(folder, current), { recursive: true, force: true });
  return true;
}

async function holds(folder: string, files: readonly VolumeFile[]): Promise<boolean> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (found.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const { path, bytes } of files) {
    const present = await readFile(join(folder, path)).catch(() => undefined);
    if (present === undefined || !present.equals(bytes)) return false;
  }
  return true;
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith("..") && !names.has(entry)) await unlink(join(folder, entry));
  }
  for (const name of names) {
    await symlink(join("..data", name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}
