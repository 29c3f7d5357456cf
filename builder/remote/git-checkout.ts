/** A commit's files in a folder: submodules with them, `.git` only when wanted, times those of the commit. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import * as fs from "node:fs";
import { join } from "node:path";
import { BuilderError } from "../errors.ts";
import { gitAccess } from "./git-access.ts";
import { bringCommit, withMirror, type Mirror } from "./git-mirror.ts";
import { git, type GitOptions } from "./git-program.ts";
import type { GitReference } from "./git-url.ts";
import type { RemoteScope } from "./scope.ts";

export interface Checkout {
  readonly reference: GitReference;
  readonly commit: string;
  readonly keepGitDir: boolean;
}

/** Into `folder`, which must not be there yet. @throws {BuilderError} `GIT_FAILED`, `LOCK_BROKEN` */
export async function checkout(wanted: Checkout, folder: string, scope: RemoteScope): Promise<void> {
  const { reference, commit } = wanted;
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  const seconds = await withMirror(reference, scope, async (mirror) => {
    await bringPinned(mirror, wanted, scope);
    const hasModules = reference.submodules && (await mirror.run(["ls-tree", commit, ".gitmodules"], `read commit ${commit}`)) !== "";
    if (wanted.keepGitDir || hasModules) await makeRepository(mirror, wanted, folder, hasModules, scope);
    else await writeFiles(mirror, commit, folder, scope);
    return Number(await mirror.run(["show", "--no-patch", "--format=%ct", commit], `read commit ${commit}`));
  });
  if (!wanted.keepGitDir) removeGitDirs(folder);
  setTimes(folder, seconds);
}

async function bringPinned(mirror: Mirror, { reference, commit }: Checkout, scope: RemoteScope): Promise<void> {
  try {
    await bringCommit(mirror, reference, commit);
  } catch (error) {
    const { pins } = scope;
    if (pins === undefined || !(error instanceof BuilderError)) throw error;
    throw new BuilderError("LOCK_BROKEN", `${error.message}, to which ${pins.file} pins it`, {
      cause: error,
      hint: "If it is gone for good, build with --lock-update",
    });
  }
}

async function writeFiles(mirror: Mirror, commit: string, folder: string, { signal }: RemoteScope): Promise<void> {
  const index = `${folder}.index`;
  try {
    const run = async (...args: readonly string[]): Promise<string> =>
      await git([`--git-dir=${mirror.path}`, `--work-tree=${folder}`, ...args], {
        doing: `check out ${commit}`,
        cwd: folder,
        env: { GIT_INDEX_FILE: index },
        signal,
      });
    await run("read-tree", commit);
    await run("checkout-index", "--all", "--force", "--quiet");
  } finally {
    fs.rmSync(index, { force: true });
  }
}

/** A shallow repository of its own, fetched from the mirror, for those who want `.git` or have submodules. */
async function makeRepository(mirror: Mirror, { reference, commit }: Checkout, folder: string, hasModules: boolean, scope: RemoteScope): Promise<void> {
  const access = gitAccess(reference, scope);
  const options: GitOptions = { doing: `check out ${commit} of ${reference.remote}`, cwd: folder, signal: scope.signal, ...access };
  await git(["init", "--quiet"], options);
  const local = { ...options, env: { ...access.env, GIT_ALLOW_PROTOCOL: "file" } };
  await git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--depth=1", "--", `file://${mirror.path}`, commit], local);
  await git(["config", "remote.origin.url", reference.remote], options);
  await git(["checkout", "--quiet", "--force", "--detach", commit], options);
  if (!hasModules) return;
  const update = ["submodule", "--quiet", "update", "--init", "--recursive"];
  const modules = { ...options, doing: `fetch the submodules of ${reference.remote}` };
  await git([...update, "--depth=1"], modules).catch(async () => await git(update, modules)); // not every server gives single commits
}

/** git itself never checks out a file of this name. */
function removeGitDirs(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === ".git") removeTreeSync(path);
    else if (entry.isDirectory()) removeGitDirs(path);
  }
}

function setTimes(folder: string, seconds: number): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) setTimes(path, seconds);
    else fs.lutimesSync(path, seconds, seconds);
  }
  fs.utimesSync(folder, seconds, seconds);
}

/** The folder that the reference names; links in the repository do not lead out of it. @throws {BuilderError} `GIT_FAILED` */
export function subfolder(folder: string, { remote, subdir }: GitReference): string {
  if (subdir === "") return folder;
  const root = fs.realpathSync(folder);
  const path = join(root, subdir);
  const real = fs.existsSync(path) ? fs.realpathSync(path) : undefined;
  if (real === undefined || !fs.statSync(real).isDirectory())
    throw new BuilderError("GIT_FAILED", `Cannot use ${subdir} of ${remote}: there is no such folder`);
  if (real !== root && !real.startsWith(`${root}/`))
    throw new BuilderError("GIT_FAILED", `Cannot use ${subdir} of ${remote}: it is a link that leads out of the repository`);
  return real;
}
