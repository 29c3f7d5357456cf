/**
 * When an image, or a step of it, was made, as all tables tell it: what its config says; where a build put the fixed date there,
 * when it came into this store.
 */
import { DEFAULT_EPOCH } from "../../builder/epoch.ts";

const FIXED_MS: ReadonlySet<number> = new Set([0, DEFAULT_EPOCH * 1000]);

/** ISO 8601. `storedAt` in milliseconds since the epoch, 0 where that is not known. */
export function madeAt(created: string | undefined, storedAt: number): string {
  const isTold = created !== undefined && !Number.isNaN(Date.parse(created)) && !FIXED_MS.has(Date.parse(created));
  return isTold || storedAt === 0 ? (created ?? "") : new Date(storedAt).toISOString();
}
