/** podman with a store of its own, on machines whose control groups and disk systemd and overlay do not manage for it. */
import { join } from "node:path";

/** Below `folder`. */
export function podmanStore(folder: string): readonly string[] {
  return ["--root", join(folder, "podman"), "--runroot", join(folder, "podman-run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"];
}

/** Flags of `podman run` for a container of `rootfs` below a cgroup; podman's own limits are higher than what may be set here. */
export function podmanContainer(rootfs: string, cgroup: string, flags: readonly string[]): readonly string[] {
  const limits = ["nofile=1000:1000", "nproc=1000:1000"].flatMap((limit) => ["--ulimit", limit]);
  return ["--network", "none", ...limits, "--cgroup-parent", `/${cgroup}`, ...flags, "--rootfs", rootfs];
}
