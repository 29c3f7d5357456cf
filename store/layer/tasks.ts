/** The slow work on layers, each task a plain value in and out: it runs in a worker thread, or at once where a thread would cost more. */
import type { LayerEntry } from "../store.ts";
import { applyLayer, type Applied, type ApplyTask } from "./apply.ts";
import { createLayer, sumTar, type TarSum } from "./create.ts";
import { folderReader, readFolderSync } from "./folder.ts";
import { hiddenFacts, type FolderRecord } from "./records.ts";

export type Task =
  /** Writes a layer into an empty folder. */
  | { readonly kind: "create"; readonly helper: string; readonly folder: string; readonly entries: readonly LayerEntry[] }
  /** Measures a folder as it is; `epoch` sets later times back on disk. */
  | { readonly kind: "sum"; readonly helper: string; readonly folder: string; readonly epoch?: number }
  /** Unpacks and verifies a layer blob. */
  | ApplyTask;

export interface Written extends TarSum {
  readonly facts: Omit<FolderRecord, "id">;
}

export interface Results {
  readonly create: Written;
  readonly sum: Written;
  readonly apply: Applied;
}

export type ResultOf<T extends Task> = Results[T["kind"]];

export function perform<T extends Task>(task: T): ResultOf<T> {
  return performAny(task) as ResultOf<T>;
}

function performAny(task: Task): Results[Task["kind"]] {
  switch (task.kind) {
    case "apply":
      return applyLayer(task);
    case "create":
      return { ...createLayer(task.helper, task.folder, task.entries), facts: hiddenFacts(task.entries) };
    case "sum": {
      const entries = readFolderSync(task.helper, task.folder, task.epoch);
      return { ...sumTar(entries, folderReader(task.folder)), facts: hiddenFacts(entries) };
    }
  }
}
