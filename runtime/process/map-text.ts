/** Id mappings as /proc/PID/uid_map takes them. */
import type { IdMapping } from "../spec.ts";

export function mapText(mappings: readonly IdMapping[] = []): string {
  return mappings.map((one) => `${one.containerID} ${one.hostID} ${one.size}\n`).join("");
}
