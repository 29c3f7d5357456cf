/** Where the builder's own files are, beside the records: they only save time, so losing them loses nothing. */
import { createHash } from "node:crypto";
import { join } from "node:path";

export function sidePath(root: string, kind: "contexts" | "steps" | "walks" | "mounts" | "locks", name: string): string {
  return join(root, "builder", kind, createHash("sha256").update(name).digest("hex").slice(0, 32));
}
