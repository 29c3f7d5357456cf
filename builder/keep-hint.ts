/** Files that only save time: whole or absent, and when they cannot be written the next build takes longer. */
import * as fs from "node:fs";
import { dirname } from "node:path";

export function keepHint(path: string, content: string | Uint8Array): void {
  const fresh = `${path}.${process.pid}`;
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(fresh, content);
    fs.renameSync(fresh, path);
  } catch {
    fs.rmSync(fresh, { force: true });
  }
}
