/** Whether the root folder's file system can hold layers. */
import { missing, ok, type Check, type Machine } from "./check.ts";

/** statfs(2) numbers of file systems that cannot be the upper part of an overlay. */
const UNFIT: ReadonlyMap<number, string> = new Map([
  [0x794c7630, "overlay"],
  [0x6969, "NFS"],
  [0x4d44, "FAT"],
  [0x01021997, "9p"],
]);
const MIN_FREE_BYTES = 1 << 30;

export function checkPlace({ rootFolder: { path, type, free } }: Machine): readonly Check[] {
  const unfit = UNFIT.get(type);
  const fitting =
    unfit === undefined
      ? ok("root folder", path)
      : missing("root folder", true, `${path} is on ${unfit}, which overlay cannot write to`, "strata --root FOLDER, on ext4, xfs, btrfs or tmpfs");
  const room = free >= MIN_FREE_BYTES ? ok("room", show(free)) : missing("room", false, `only ${show(free)} at ${path}`, "strata system prune");
  return [fitting, room];
}

function show(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB free`;
}
