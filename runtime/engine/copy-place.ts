/** Where the helper finds a container's files: the mount namespace of one that runs, or its layers and mounts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { Container } from "../engine.ts";
import { filesOf } from "./container-view.ts";
import { containerFolder, type Parts } from "./parts.ts";
import { isLive } from "./status.ts";

/** With `write` changes go to its upper folder, which nobody else may use meanwhile; else all is below, and read only. */
export async function placeOf(parts: Parts, { record, status }: Container, access: "read" | "write"): Promise<readonly string[]> {
  if (isLive(status)) return ["pid", `${status.pid}:${(await parts.processes.state(record.id))?.startTime ?? 0}`];
  const { lowers, upper, work, disk } = await filesOf(parts, record);
  const below = [join(containerFolder(parts, record.id), "init"), ...lowers];
  const layers = access === "write" ? below : [upper, ...below];
  const mounts = record.mounts
    .filter((mount) => mount.kind !== "tmpfs" && (access === "read" || !mount.readOnly) && existsSync(mount.source))
    .flatMap((mount) => [mount.target, mount.source, mount.subPath ?? ""]);
  const own = access === "write" ? [`upperdir=${upper}`, `workdir=${work}`] : [];
  const mounted = disk === undefined ? [] : ["disk", disk.image, disk.target];
  return [...mounted, "overlay", upper, ...(isInUserNamespace() ? ["userxattr"] : []), ...layers.map((lower) => `lowerdir+=${lower}`), ...own, "--", ...mounts];
}
