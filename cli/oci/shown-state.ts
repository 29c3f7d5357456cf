/** A container's state as callers read it: the specification's properties, and those that runc adds. */
import { statSync } from "node:fs";
import { Folder } from "../../runtime/process/folder.ts";
import { STATE_VERSION } from "../../runtime/process/hooks/hooks.ts";
import type { ProcessStatus } from "../../runtime/process.ts";
import type { OciContext } from "./context.ts";

export interface ShownState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: ProcessStatus;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner: string;
}

/** Undefined when there is none of that id. */
export async function shownState({ processes, runRoot }: OciContext, id: string): Promise<ShownState | undefined> {
  const state = await processes.state(id);
  const folder = Folder.of(runRoot, id);
  const recorded = folder.recorded();
  const made = statSync(folder.path, { throwIfNoEntry: false });
  if (state === undefined || recorded === undefined || made === undefined) return undefined;
  const { status, pid, bundle = "", annotations = {} } = state;
  return {
    ociVersion: STATE_VERSION,
    id,
    pid,
    status,
    bundle,
    rootfs: recorded.spec.root?.path ?? "",
    created: recorded.created ?? made.mtime.toISOString(),
    annotations,
    owner: made.uid === 0 ? "root" : String(made.uid),
  };
}
