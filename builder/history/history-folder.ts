/** Where records of builds are. */
import { join } from "node:path";

export function historyFolder(root: string): string {
  return join(root, "builder", "history");
}
