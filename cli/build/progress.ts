/** Shows a build: plain lines as BuildKit prints them, live lines on a terminal, JSON lines, or nothing. */
import { UsageError } from "../errors.ts";
import { PlainProgress } from "./progress-plain.ts";
import type { ProgressView } from "./progress-view.ts";

export interface ProgressOptions {
  readonly kind: string;
  readonly explain: boolean;
  readonly stream: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

/** `auto` asks BUILDKIT_PROGRESS, as docker does. @throws {UsageError} for an unknown kind, and for `tty` without a terminal */
export async function openProgress({ kind: flag, explain, stream, env }: ProgressOptions): Promise<ProgressView> {
  const kind = flag === "auto" ? env["BUILDKIT_PROGRESS"] || "auto" : flag;
  switch (kind) {
    case "auto":
      return stream.isTTY && env["TERM"] !== "dumb" ? await tty(stream, explain, env) : new PlainProgress(stream, explain);
    case "plain":
      return new PlainProgress(stream, explain);
    case "tty":
      if (!stream.isTTY) throw new UsageError("Cannot use --progress tty: standard error is no terminal");
      return await tty(stream, explain, env);
    case "rawjson": {
      const { RawProgress } = await import("./progress-raw.ts");
      return new RawProgress(stream);
    }
    case "quiet":
    case "none":
      return explain ? new PlainProgress(stream, explain) : SILENT;
    default:
      throw new UsageError(`Cannot use --progress ${kind}: expected auto, none, plain, quiet, rawjson or tty`);
  }
}

const SILENT: ProgressView = { show: () => undefined, warn: () => true, pause: () => undefined, resume: () => undefined, end: () => undefined };

async function tty(stream: NodeJS.WriteStream, explain: boolean, env: NodeJS.ProcessEnv): Promise<ProgressView> {
  const { TtyProgress } = await import("./progress-tty.ts");
  return new TtyProgress(stream, { explain, colors: (env["NO_COLOR"] ?? "") === "" });
}
