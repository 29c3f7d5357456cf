/** Shows a build: plain lines as BuildKit prints them, live lines on a terminal, JSON lines, or nothing. */
import type { BuildEvent } from "../../builder/progress.ts";
import { UsageError } from "../errors.ts";
import { PlainProgress } from "./progress-plain.ts";
import { TtyProgress } from "./progress-tty.ts";

export interface ProgressView {
  show(event: BuildEvent): void;
  end(): void;
}

export interface ProgressOptions {
  readonly kind: string;
  readonly explain: boolean;
  readonly stream: NodeJS.WriteStream;
}

/** @throws {UsageError} for an unknown kind */
export function openProgress({ kind, explain, stream }: ProgressOptions): ProgressView {
  switch (kind) {
    case "auto":
      return stream.isTTY ? new TtyProgress(stream, explain) : new PlainProgress(stream, explain);
    case "plain":
      return new PlainProgress(stream, explain);
    case "tty":
      return new TtyProgress(stream, explain);
    case "rawjson":
      return { show: (event) => void stream.write(`${JSON.stringify(raw(event))}\n`), end: () => undefined };
    case "quiet":
      return explain ? new PlainProgress(stream, explain) : { show: () => undefined, end: () => undefined };
    default:
      throw new UsageError(`Cannot use --progress ${kind}: expected auto, tty, plain, rawjson or quiet`);
  }
}

function raw(event: BuildEvent): object {
  const time = new Date().toISOString();
  return event.kind === "output" ? { time, ...event, data: Buffer.from(event.data).toString("base64") } : { time, ...event };
}
