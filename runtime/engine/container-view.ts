/** A container's own files seen merged, without a mount: upper folder over image. Reads never leave the root. */
import { readdir } from "node:fs/promises";
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

export async function containerView(parts: Parts, active: ActiveSnapshot): Promise<MergedView> {
  const isUntouched = (await readdir(active.upper)).length === 0;
  return await parts.store.snapshots.view(active.parent, isUntouched ? {} : { above: [active.upper] });
}
