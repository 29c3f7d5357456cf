/** Who watches a build: the display, and the record that is kept of it. What steps read as secrets is hidden from both. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { BuilderError } from "../../builder/errors.ts";
import { historyFolder } from "../../builder/history/history-folder.ts";
import { Recorder } from "../../builder/history/recorder.ts";
import { Progress, type BuildEvent, type Vertex } from "../../builder/progress.ts";
import { redact } from "../../builder/redact.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { formatPlatform } from "../../store/image/platform.ts";
import { ownedName } from "../../store/owner.ts";
import type { Context } from "../context.ts";
import type { BuildFlags } from "./flags.ts";
import type { ProgressView } from "./progress-view.ts";

export interface Followed {
  /** As asked for; its secrets tell the display what to hide. */
  readonly request: BuildRequest;
  readonly onEvent: (event: BuildEvent) => void;
  /** Work around the build: shown and recorded as a step is. */
  during<Value>(name: string, work: (vertex: Vertex) => Promise<Value>): Promise<Value>;
  /** Closes the record. */
  succeeded(image: string): void;
  failed(error: unknown): void;
}

export async function follow(context: Context, flags: BuildFlags, request: BuildRequest, view: ProgressView): Promise<Followed> {
  const mask = request.secrets.size === 0 ? undefined : (await import("./mask-secrets.ts")).maskSecrets(request.secrets);
  const recorder = new Recorder(historyFolder(context.root), headOf(flags, request));
  let last = 0;
  const tell = (event: BuildEvent): void => {
    last = Math.max(last, event.vertex);
    view.show(event);
    recorder.show(event);
  };
  return {
    request: mask === undefined ? request : { ...request, secrets: mask.secrets },
    onEvent: mask === undefined ? tell : mask.wrap(tell),
    async during(name, work) {
      const vertex = new Progress(tell, false, last).start(name);
      try {
        const value = await work(vertex);
        vertex.done();
        return value;
      } catch (error) {
        vertex.failed(messageOf(error), context.signal.aborted);
        throw error;
      }
    },
    succeeded: (image) => recorder.end({ status: "Completed", image }),
    failed(error) {
      const frame = error instanceof BuilderError ? error.place?.frame : undefined;
      recorder.end({ status: context.signal.aborted ? "Canceled" : "Error", error: messageOf(error), ...(frame === undefined ? {} : { frame }) });
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function headOf(flags: BuildFlags, { context, dockerfile, target, platforms, buildArgs }: BuildRequest): ConstructorParameters<typeof Recorder>[1] {
  const now = Date.now();
  const where = context === undefined ? "-" : basename(context);
  return {
    id: `${now.toString(36).padStart(9, "0")}${BigInt(`0x${randomBytes(9).toString("hex")}`)
      .toString(36)
      .padStart(14, "0")
      .slice(-14)}`,
    owner: ownedName(),
    name: `${where}/${dockerfile.file}${target === undefined ? "" : ` (${target})`}`,
    context,
    dockerfile: dockerfile.file,
    target,
    platform: platforms.length === 0 ? undefined : platforms.map(formatPlatform).join(","),
    buildArgs: Object.fromEntries([...buildArgs].map(([name, value]) => [name, redact(value)])),
    tags: flags.tag,
    startedAt: new Date(now).toISOString(),
  };
}
