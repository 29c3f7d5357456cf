/** Forgets downloads and mirrors that were not used for long. They only save time. */
import * as fs from "node:fs";
import { join } from "node:path";
import { openFileLock } from "../../store/native/file-lock.ts";
import { DownloadStore } from "./download-store.ts";
import { mirrorsIn } from "./git-mirror.ts";

/** `before` in milliseconds since the epoch. A mirror that is in use stays. */
export function pruneRemote(root: string, before: number): void {
  new DownloadStore(root).prune(before);
  const mirrors = mirrorsIn(root);
  for (const name of fs.existsSync(mirrors) ? fs.readdirSync(mirrors) : []) {
    const path = join(mirrors, name);
    if (!name.endsWith(".lock") && fs.statSync(path).mtimeMs < before) removeMirror(path);
  }
}

function removeMirror(path: string): void {
  using lock = openFileLock(`${path}.lock`);
  if (lock.tryExclusive()) fs.rmSync(path, { recursive: true, force: true });
}
