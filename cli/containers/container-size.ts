/** What containers take on disk: what they wrote, and that with their image. As in docker ps --size. */
import { statSync } from "node:fs";
import type { Container } from "../../runtime/engine.ts";
import { snapshotKey } from "../../runtime/engine/parts.ts";
import { folderBytes } from "../../store/care/folder-bytes.ts";
import type { ActiveSnapshot } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { decimalSize } from "../../store/decimal-size.ts";

/** Of stat(2). */
const BLOCK_BYTES = 512;

export interface ContainerSize {
  readonly written: number;
  /** With the image. */
  readonly whole: number;
}

export async function sizeOf(context: Context, { record }: Container): Promise<ContainerSize> {
  const store = await context.store();
  const active = await store.snapshots.active(snapshotKey(record.id));
  const written = active === undefined ? 0 : writtenBytes(active);
  const image = (active?.lowers ?? []).reduce((sum, folder) => sum + folderBytes(folder), 0);
  return { written, whole: image + written };
}

/** Of a bounded one, what its disk takes. */
export function writtenBytes({ upper, disk }: ActiveSnapshot): number {
  return disk === undefined ? folderBytes(upper) : statSync(disk.image).blocks * BLOCK_BYTES;
}

/** `Size` by id, as docker prints it. */
export async function sizesOf(context: Context, containers: readonly Container[]): Promise<ReadonlyMap<string, { readonly Size: string }>> {
  const rows = containers.map(async (container) => {
    const { written, whole } = await sizeOf(context, container);
    return [container.record.id, { Size: `${decimalSize(written)} (virtual ${decimalSize(whole)})` }] as const;
  });
  return new Map(await Promise.all(rows));
}
