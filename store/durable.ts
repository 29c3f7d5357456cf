/** Makes names durable: a file is only safe when the folder that names it is synced too. */
import { open } from "node:fs/promises";

export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
