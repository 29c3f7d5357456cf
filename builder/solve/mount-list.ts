/** What a RUN's mounts last showed, kept by the step's place, to say which file of them changed. */
import { posix } from "node:path";
import type { ChainID } from "../../store/store.ts";
import { shownBy, type RunAction } from "../plan/graph.ts";
import { sidePath } from "../side-path.ts";
import { loadFileList, saveFileList, type FileList } from "./file-list.ts";
import type { Shown } from "./run-mounts.ts";
import type { SolveScope } from "./scope.ts";

export interface MountList {
  readonly before: FileList | undefined;
  /** Named as the step sees them. */
  readonly now: FileList | undefined;
  save(chain: ChainID): void;
}

export function openMountList(action: RunAction, shown: readonly (Shown | undefined)[], place: string, scope: SolveScope): MountList {
  if (shown.length === 0) return { before: undefined, now: undefined, save: () => undefined };
  const path = sidePath(scope.collaborators.store.root, "steps", place);
  const now = action.mounts.flatMap((mount, at) =>
    shownBy(mount) !== undefined && mount.target !== undefined
      ? (shown[at]?.files ?? []).map((file) => ({ ...file, path: posix.join(mount.target!, file.path) }))
      : [],
  );
  return { before: loadFileList(path)?.files, now, save: (chain) => saveFileList(path, { chain, files: now }) };
}
