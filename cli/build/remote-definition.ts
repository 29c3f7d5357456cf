/** A Dockerfile or a context from elsewhere: git, a tar or a Dockerfile by http. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { BuilderError } from "../../builder/errors.ts";
import { download } from "../../builder/remote/download.ts";
import { openContext, type OpenedContext } from "../../builder/remote/open-context.ts";
import type { RemoteScope } from "../../builder/remote/scope.ts";
import type { Pins } from "../../builder/lock/pins.ts";
import type { Context } from "../context.ts";
import { authoritiesOf } from "./authorities.ts";
import type { BuildFlags } from "./flags.ts";
import { runOptions } from "./run-options.ts";
import { readSecrets } from "./secrets.ts";

/** A Dockerfile is no larger. */
const MAX_DOCKERFILE_BYTES = 4 << 20;

export interface RemoteInput {
  readonly scope: RemoteScope;
  /** Removed when the build is done. */
  readonly scratch: string;
  readonly keepGitDir: boolean;
}

export async function remoteInput(context: Context, flags: BuildFlags, scratch: string, pins: Pins | undefined): Promise<RemoteInput> {
  const { root } = await context.store();
  return {
    scope: {
      root,
      secrets: readSecrets(flags, context.env),
      ssh: runOptions(flags, context.env).ssh?.get("default") ?? "own",
      pins,
      authorities: authoritiesOf(context),
      signal: context.signal,
    },
    scratch,
    keepGitDir: flags.buildArg.some((text) => /^BUILDKIT_CONTEXT_KEEP_GIT_DIR=(?:1|t|true)$/i.test(text)),
  };
}

/** `time` as in what was opened. */
export type RemoteContext = ({ readonly kind: "folder"; readonly path: string } | { readonly kind: "dockerfile"; readonly text: string }) &
  Pick<OpenedContext, "time">;

/** @throws {BuilderError} `GIT_FAILED`, `DOWNLOAD_FAILED`… */
export async function readRemoteContext(url: string, { scope, scratch, keepGitDir }: RemoteInput): Promise<RemoteContext> {
  const opened = await openContext(url, scope, { scratch, keepGitDir });
  const { kind, path, time } = opened;
  return kind === "folder" ? { kind, path, time } : { kind: "dockerfile", text: readFileSync(path, "utf8"), time };
}

/** `-f https://…`: its text, and the name that errors give it. */
export async function readRemoteDockerfile(url: string, { scope }: RemoteInput): Promise<{ readonly text: string; readonly file: string }> {
  if (!/^https?:\/\//.test(url)) throw new BuilderError("CONTEXT_INVALID", `Cannot read ${url} as a Dockerfile: only http and https URLs can be`);
  const { file, name } = await download(url, scope, { maxBytes: MAX_DOCKERFILE_BYTES });
  return { text: readFileSync(file, "utf8"), file: basename(name ?? "Dockerfile") };
}
