/** Forgets downloads and mirrors that were not used for long. They only save time. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import * as fs from "node:fs";
import { join } from "node:path";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import { sidePath } from "../side-path.ts";
import { DownloadStore } from "./download-store.ts";
import { mirrorsIn } from "./git-mirror.ts";
import { treesIn } from "./open-context.ts";

/** `before` in milliseconds since the epoch. A mirror that is in use stays. */
export function pruneRemote(root: string, before: number): void {
  new DownloadStore(root).prune(before);
  pruneTrees(root, before);
  const mirrors = mirrorsIn(root);
  for (const name of fs.existsSync(mirrors) ? fs.readdirSync(mirrors) : []) {
    const path = join(mirrors, name);
    if (!name.endsWith(".lock") && fs.statSync(path).mtimeMs < before) removeMirror(path);
  }
}

function removeMirror(path: string): void {
  using lock = openFileLock(`${path}.lock`, openLockFile);
  if (lock.tryExclusive()) removeTreeSync(path);
}

/** The file beside a tree says when it was last used. */
function pruneTrees(root: string, before: number): void {
  const trees = treesIn(root);
  for (const name of fs.existsSync(trees) ? fs.readdirSync(trees) : []) {
    const used = join(trees, name);
    if (!name.endsWith(".used") || fs.statSync(used).mtimeMs >= before) continue;
    const tree = used.slice(0, -".used".length);
    removeTreeSync(tree);
    fs.rmSync(used, { force: true });
    fs.rmSync(sidePath(root, "contexts", tree), { force: true });
  }
}
