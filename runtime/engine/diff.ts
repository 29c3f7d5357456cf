/** What a container changed against its image, read from the upper folder. */
import { scanFolder } from "../../store/native/scan.ts";
import type { MergedView } from "../../store/store.ts";
import { RuntimeError } from "../errors.ts";
import { withUpper } from "./container-view.ts";
import { type Parts, snapshotKey } from "./parts.ts";

export interface Change {
  readonly kind: "A" | "C" | "D";
  readonly path: string;
}

/** Sorted by path. */
export async function diffContainer(parts: Parts, reference: string): Promise<readonly Change[]> {
  const record = parts.records.find(reference);
  const active = await parts.store.snapshots.active(snapshotKey(record.id));
  if (active === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot compare container ${record.name}: its files are gone`);
  const image = await parts.store.snapshots.view(active.parent);
  const changes: Change[] = [];
  const files = await withUpper(parts, active, async (upper) => await scanFolder(parts.programs.tree, upper));
  const paths = new Set(files.map((file) => `/${file.path}`));
  for (const file of files) {
    if (file.path === "") continue;
    const path = `/${file.path}`;
    if (file.type === "character" && file.major === 0 && file.minor === 0) changes.push({ kind: "D", path });
    else changes.push({ kind: (await image.lookup(path, { follow: false })) === undefined ? "A" : "C", path });
    if (isOpaque(file.xattrs)) changes.push(...(await hidden(image, path, paths)));
  }
  return changes.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

function isOpaque(xattrs: Readonly<Record<string, Uint8Array>> | undefined): boolean {
  const mark = xattrs?.["trusted.overlay.opaque"] ?? xattrs?.["user.overlay.opaque"];
  return mark !== undefined && Buffer.from(mark).toString() === "y";
}

/** What the image has in a folder that was removed and made again. */
async function hidden(image: MergedView, path: string, kept: ReadonlySet<string>): Promise<readonly Change[]> {
  const names = await image.list(path);
  return names
    .map((name) => `${path}/${name}`)
    .filter((child) => !kept.has(child))
    .map((child) => ({ kind: "D", path: child }));
}
