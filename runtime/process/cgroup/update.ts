/** Pure: the order in which a running group's files may change. */
import type { CgroupFile } from "./plan.ts";

const TOTAL = "memory.memsw.limit_in_bytes";

/** v1 keeps memory plus swap at or above memory at every instant: the total grows first and shrinks last. */
export function orderUpdate(files: readonly CgroupFile[], current: (file: string, controller: string) => number): readonly CgroupFile[] {
  const total = files.find((file) => file.file === TOTAL);
  const grows = total !== undefined && (Number(total.value) < 0 || Number(total.value) > current(TOTAL, "memory"));
  if (!grows) return files;
  return [total, ...files.filter((file) => file !== total)];
}
