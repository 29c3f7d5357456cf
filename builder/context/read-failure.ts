/** What the system says of a context that cannot be read, as an error that names the path and what to do. */
import { StoreError } from "../../store/errors.ts";
import { BuilderError } from "../errors.ts";

const REASONS: Readonly<Record<string, readonly [state: string, hint: string]>> = {
  EACCES: ["permission denied", "Let .dockerignore leave it out, or make it readable for whoever builds"],
  EPERM: ["permission denied", "Let .dockerignore leave it out, or make it readable for whoever builds"],
  ENAMETOOLONG: ["its path is longer than the system's 4095 bytes", "Let .dockerignore leave it out, or build from a folder further down"],
  EIO: ["the disk reports an error", "Look for its cause in the kernel's log"],
  EMFILE: ["too many files are open", "Raise the limit: ulimit -n"],
};

/** Anything that is no failure of the system passes as it is. */
export function readFailure(error: unknown, root: string, path?: string): unknown {
  if (error instanceof StoreError && error.code === "NATIVE_FAILED") return new BuilderError("CONTEXT_INVALID", error.message, { cause: error });
  const { code = "", syscall, path: failed } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === undefined || error instanceof BuilderError) return error;
  const [state, hint] = REASONS[code] ?? [code, undefined];
  const named = path ?? (failed?.startsWith(`${root}/`) === true ? failed.slice(root.length + 1) : (failed ?? ""));
  const shown = named.length > 200 ? `${named.slice(0, 200)}…` : named;
  return new BuilderError("CONTEXT_INVALID", `Cannot read /${shown} in the build context: ${state}`, { cause: error, ...(hint === undefined ? {} : { hint }) });
}
