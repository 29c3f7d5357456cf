/** Where strata-runtime keeps state when nobody says: an ordinary user's own folder, in a user namespace of theirs too. */
import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInUserNamespace, outerUser } from "../../store/user-namespace.ts";
import { ExitError } from "../errors.ts";

export interface StateRoot {
  readonly path: string;
  /** A folder on the way to it that stands where anybody may make one. */
  readonly shared?: string;
}

export function stateRoot(env: NodeJS.ProcessEnv): StateRoot {
  if (process.getuid?.() === 0 && !isInUserNamespace()) return { path: "/run/strata-runtime" };
  const { XDG_RUNTIME_DIR: own = "" } = env;
  if (own !== "") return { path: join(own, "strata-runtime") };
  const shared = join(tmpdir(), `strata-runtime-${outerUser()}`);
  return { path: join(shared, "strata-runtime"), shared };
}

/** What is kept there is believed, hooks too. @throws {ExitError} when somebody else made it or may write to it */
export function makeOwn(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0)
    throw new ExitError(1, `Cannot keep state in ${folder}: it is not yours alone\nSet XDG_RUNTIME_DIR, or give --root`);
}
