/** What somebody is about to rely on is made young: a collection spares it. */
import { utimesSync } from "node:fs";

/** False when it is gone. */
export function renew(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
