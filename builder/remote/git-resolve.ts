/** Which commit a reference stands for now: asked of the server, unless it is a commit itself or the lock file knows. */
import { BuilderError } from "../errors.ts";
import { bringCommit, withMirror, type Mirror } from "./git-mirror.ts";
import type { GitReference } from "./git-url.ts";
import type { RemoteScope } from "./scope.ts";

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const SHORT_COMMIT = /^[0-9a-f]{7,63}$/;

/** The full name of the commit. @throws {BuilderError} `GIT_FAILED`, `LOCK_BROKEN` */
export async function resolveCommit(reference: GitReference, scope: RemoteScope): Promise<string> {
  const name = pinName(reference);
  const pinned = scope.pins?.find("git", name);
  const commit = pinned ?? (await ask(reference, scope));
  if (reference.checksum !== undefined && !commit.startsWith(reference.checksum)) {
    throw new BuilderError("GIT_FAILED", `Cannot use ${reference.remote}: ${shown(reference)} is commit ${commit}, expected ${reference.checksum}`);
  }
  if (!COMMIT.test(reference.ref ?? "")) scope.pins?.record("git", name, commit);
  return commit;
}

/** As a lock file names it: the repository and what is asked of it. */
export function pinName({ remote, ref }: GitReference): string {
  return ref === undefined ? remote : `${remote}#${ref}`;
}

async function ask(reference: GitReference, scope: RemoteScope): Promise<string> {
  const { ref } = reference;
  if (ref !== undefined && COMMIT.test(ref)) return ref;
  return await withMirror(reference, scope, async (mirror) => {
    const found = chooseRef(ref, await mirror.run(["ls-remote", "--quiet", "--", reference.remote, ...patterns(ref)], `read ${reference.remote}`));
    if (found !== undefined) return found;
    if (ref !== undefined && SHORT_COMMIT.test(ref)) return await expandCommit(mirror, reference, ref);
    throw new BuilderError("GIT_FAILED", `Cannot find ${shown(reference)} in ${reference.remote}: it has no such branch, tag or commit`);
  });
}

function patterns(ref: string | undefined): readonly string[] {
  if (ref === undefined) return ["HEAD"];
  return ref.startsWith("refs/") ? [ref, `${ref}^{}`] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/tags/${ref}^{}`, `refs/${ref}`];
}

/** A branch before a tag; of an annotated tag the commit it points at. */
export function chooseRef(ref: string | undefined, listing: string): string | undefined {
  const listed = new Map(
    listing
      .split("\n")
      .map((line) => line.split("\t") as [string, string?])
      .map(([commit, name = ""]) => [name, commit]),
  );
  const names = ref === undefined ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`, `${ref}^{}`, ref, `refs/${ref}`];
  return names.map((name) => listed.get(name)).find((commit) => commit !== undefined && COMMIT.test(commit));
}

/** Only the whole history tells what an abbreviation stands for. */
async function expandCommit(mirror: Mirror, reference: GitReference, short: string): Promise<string> {
  await bringCommit(mirror, reference, short);
  return (await mirror.run(["rev-parse", "--verify", "--quiet", `${short}^{commit}`], `read commit ${short} of ${reference.remote}`)).trim();
}

function shown({ ref }: GitReference): string {
  return ref ?? "HEAD";
}
