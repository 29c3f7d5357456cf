/**
 * A bare copy of each repository that builds read, shallow, under the root: a commit that is there is not fetched again.
 * One process at a time works on a mirror; the kernel lets go of the lock when it ends.
 */
import * as fs from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import { BuilderError } from "../errors.ts";
import { gitAccess } from "./git-access.ts";
import { git, type GitOptions } from "./git-program.ts";
import type { GitReference } from "./git-url.ts";
import type { RemoteScope } from "./scope.ts";

const LOCK_STEP_MS = 50;
/** git's word for "all of it". */
const WHOLE = "--depth=2147483647";

export interface Mirror {
  /** The git directory; of `act` alone. */
  readonly path: string;
  run(args: readonly string[], doing: string): Promise<string>;
}

export async function withMirror<Value>(reference: GitReference, scope: RemoteScope, act: (mirror: Mirror) => Promise<Value>): Promise<Value> {
  const mirrors = mirrorsIn(scope.root);
  fs.mkdirSync(mirrors, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(reference.remote).digest("hex").slice(0, 32);
  const path = join(mirrors, name);
  using lock = openFileLock(join(mirrors, `${name}.lock`), openLockFile);
  while (!lock.tryExclusive()) await sleep(LOCK_STEP_MS, undefined, scope.signal === undefined ? {} : { signal: scope.signal });
  const options = (doing: string): GitOptions => ({ doing, cwd: mirrors, signal: scope.signal, ...gitAccess(reference, scope) });
  sweepLocks(path);
  if (!fs.existsSync(join(path, "HEAD"))) await git(["init", "--quiet", "--bare", "--", path], options(`make a copy of ${reference.remote}`));
  const now = new Date();
  fs.utimesSync(path, now, now);
  return await act({ path, run: async (args, doing) => await git([`--git-dir=${path}`, ...args], options(doing)) });
}

export function mirrorsIn(root: string): string {
  return join(root, "builder", "git", "mirrors");
}

/** Left by a git that was killed: nobody else is at work here now. */
function sweepLocks(path: string): void {
  for (const name of ["shallow.lock", "config.lock", "HEAD.lock", "packed-refs.lock"]) fs.rmSync(join(path, name), { force: true });
}

/** Brings a commit and its files, with as little history as the server allows. @throws {BuilderError} `GIT_FAILED` */
export async function bringCommit(mirror: Mirror, reference: GitReference, commit: string): Promise<void> {
  if (await hasCommit(mirror, commit)) return;
  const doing = `fetch ${reference.remote}`;
  const fetch = async (...args: readonly string[]): Promise<string> =>
    await mirror.run(["fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", ...args], doing);
  const shallow = async (source: string): Promise<boolean> =>
    await fetch("--depth=1", "--", reference.remote, `+${source}:refs/strata/last`).then(
      async () => await hasCommit(mirror, commit),
      () => false, // not every server gives single commits, or shallow ones
    );
  const isHere = (await shallow(commit)) || (reference.ref !== undefined && reference.ref !== commit && (await shallow(reference.ref)));
  if (!isHere) {
    const depth = fs.existsSync(join(mirror.path, "shallow")) ? [WHOLE] : [];
    await fetch(...depth, "--", reference.remote, "+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*");
  }
  if (!(await hasCommit(mirror, commit)))
    throw new BuilderError("GIT_FAILED", `Cannot fetch ${reference.remote}: it has no commit ${commit}`, {
      hint: "It may have been deleted, or its branch rewritten",
    });
  await mirror.run(["update-ref", `refs/strata/${commit}`, commit], doing);
}

async function hasCommit(mirror: Mirror, commit: string): Promise<boolean> {
  return await mirror.run(["cat-file", "-e", `${commit}^{tree}`], "look for a commit").then(
    () => true,
    () => false,
  );
}
