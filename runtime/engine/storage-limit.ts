/** A bound of a container's files is a file system of its own in a file, mounted where nobody but the container sees it (docs/decisions/storage-limit.md). */
import { existsSync } from "node:fs";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerOptions } from "../engine.ts";
import { RuntimeError } from "../errors.ts";

const CONTROL = "/dev/loop-control";
const HINT = "Bound what it writes with --read-only and --tmpfs PATH:size=SIZE, or with a volume on a file system of its own";

/** @throws {RuntimeError} `UNSUPPORTED` where it cannot be had */
export function checkStorageLimit(options: Pick<ContainerOptions, "userNamespace" | "mounts">): void {
  const reason = reasonAgainst(options, isInUserNamespace(), existsSync(CONTROL));
  if (reason !== undefined) throw new RuntimeError("UNSUPPORTED", `Cannot take --storage-opt: ${reason}`, { hint: HINT });
}

/** Pure. */
export function reasonAgainst(
  { userNamespace, mounts = [] }: Pick<ContainerOptions, "userNamespace" | "mounts">,
  isOrdinary: boolean,
  hasLoop: boolean,
): string | undefined {
  if (isOrdinary) return "an ordinary user's containers have no disks of their own, for only root attaches loop devices";
  if (!hasLoop) return `this machine has no loop devices (${CONTROL})`;
  if (typeof userNamespace === "object") return undefined; // the monitor makes its root, and nothing is mounted in a namespace that is shared
  const shared = mounts.find((mount) => mount.kind === "bind" && /^r?shared$/.test(mount.propagation ?? ""));
  return shared && `the machine would see the container's disk, for ${shared.target} is shared with it`;
}
