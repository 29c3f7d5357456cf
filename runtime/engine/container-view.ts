/** A container's own files seen merged, without a mount: upper folder over image. Reads never leave the root. */
import { readdirSync } from "node:fs";
import type { ActiveSnapshot, MergedView } from "../../store/store.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { type Parts, snapshotKey } from "./parts.ts";

/** @throws {RuntimeError} `CONTAINER_STATE` when its files are gone */
export async function filesOf(parts: Parts, record: Pick<ContainerRecord, "id" | "name">): Promise<ActiveSnapshot> {
  const active = await parts.store.snapshots.active(snapshotKey(record.id));
  if (active === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot read container ${record.name}: its files are gone`);
  return active;
}

/** `read` gets the upper folder as it can be read from here until it is done. */
export async function withUpper<T>(parts: Parts, { disk, upper }: ActiveSnapshot, read: (upper: string) => Promise<T>): Promise<T> {
  if (disk === undefined) return await read(upper);
  await using shown = await (await import("./shown-disk.ts")).showDisk(parts.programs.helper, disk);
  return await read(shown.upper);
}

export async function withView<T>(parts: Parts, active: ActiveSnapshot, read: (view: MergedView) => Promise<T>): Promise<T> {
  return await withUpper(parts, active, async (upper) => {
    const isUntouched = readdirSync(upper).length === 0;
    return await read(await parts.store.snapshots.view(active.parent, isUntouched ? {} : { above: [upper] }));
  });
}
