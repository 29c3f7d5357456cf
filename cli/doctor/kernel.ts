/** What the kernel must offer: overlay, namespaces, cgroups, seccomp. */
import { cgroupLayout } from "../../runtime/process/cgroup/layout.ts";
import { missing, ok, type Check, type Machine } from "./check.ts";

const NAMESPACES = ["mnt", "pid", "net", "ipc", "uts", "cgroup"];
const CONTROLLERS = [
  { name: "cpu", required: true, why: "--cpus" },
  { name: "memory", required: true, why: "--memory" },
  { name: "pids", required: true, why: "--pids-limit" },
  { name: "cpuset", required: false, why: "--cpuset-cpus" },
  { name: "freezer", required: false, why: "strata pause" },
];
/** v2 freezes without a controller of that name. */
const ALWAYS_IN_V2 = new Set(["freezer"]);

export function checkKernel(machine: Machine): readonly Check[] {
  return [checkOverlay(machine), checkNamespaces(machine), checkUserNamespaces(machine), ...checkCgroups(machine), checkSeccomp(machine)];
}

function checkOverlay({ read, isRoot }: Machine): Check {
  const known = (read("/proc/filesystems") ?? "").split("\n").some((line) => line.trim().split(/\s+/).at(-1) === "overlay");
  return known
    ? ok("overlay", "the kernel knows it")
    : missing("overlay", true, "the kernel does not know it: containers and builds stack layers with it", `${isRoot ? "" : "sudo "}modprobe overlay`);
}

function checkNamespaces({ list }: Machine): Check {
  const present = new Set(list("/proc/self/ns"));
  const absent = NAMESPACES.filter((name) => !present.has(name));
  return absent.length === 0
    ? ok("namespaces", NAMESPACES.join(", "))
    : missing("namespaces", true, `the kernel has none of type ${absent.join(", ")}`, "boot a kernel that is built with them");
}

/** Only needed where strata does not run as root, or for --userns. */
function checkUserNamespaces({ read, isRoot }: Machine): Check {
  const most = Number(read("/proc/sys/user/max_user_namespaces") ?? 0);
  if (most === 0) return missing("user namespaces", !isRoot, "none allowed", "sysctl -w user.max_user_namespaces=15000");
  if (isRoot) return ok("user namespaces", `up to ${most}`);
  for (const [key, refusing] of [
    ["kernel.unprivileged_userns_clone", "0"],
    ["kernel.apparmor_restrict_unprivileged_userns", "1"],
  ] as const) {
    const value = read(`/proc/sys/${key.replaceAll(".", "/")}`)?.trim();
    if (value === refusing)
      return missing("user namespaces", true, `${key} is ${value}: only root may make them`, `sudo sysctl -w ${key}=${refusing === "0" ? 1 : 0}`);
  }
  return ok("user namespaces", `up to ${most}`);
}

function checkCgroups({ read, isWritable }: Machine): readonly Check[] {
  const layout = cgroupLayout(read("/proc/self/mountinfo") ?? "", read("/proc/self/cgroup") ?? "");
  const first = layout.hierarchies[0];
  if (first === undefined) return [missing("cgroups", true, "no hierarchy is mounted: no limits", "mount -t cgroup2 none /sys/fs/cgroup")];
  return CONTROLLERS.map(({ name, required, why }) => {
    const place = layout.version === 1 ? layout.hierarchies.find(({ controllers }) => controllers.includes(name)) : first;
    const offered = layout.version === 1 || ALWAYS_IN_V2.has(name) || (read(`${first.base}/cgroup.controllers`) ?? "").trim().split(" ").includes(name);
    if (place === undefined || !offered)
      return missing(`cgroup ${name}`, required, `not available (cgroup v${layout.version}): ${why} is refused`, mendController(layout.version, name));
    if (isWritable(place.base)) return ok(`cgroup ${name}`, `v${layout.version}, ${place.base}`);
    return missing(
      `cgroup ${name}`,
      false,
      `${place.base} is not writable: ${why} is ${name === "freezer" ? "refused" : "dropped"}`,
      "run as root, or have root delegate the group to you",
    );
  });
}

function mendController(version: 1 | 2, name: string): string {
  if (version === 1) return `mkdir -p /sys/fs/cgroup/${name} && mount -t cgroup -o ${name} none /sys/fs/cgroup/${name}`;
  return name === "memory" ? "boot with cgroup_enable=memory" : `echo +${name} > /sys/fs/cgroup/cgroup.subtree_control`;
}

function checkSeccomp({ read }: Machine): Check {
  const actions = read("/proc/sys/kernel/seccomp/actions_avail");
  if (actions !== undefined) return ok("seccomp", actions.trim());
  return missing(
    "seccomp",
    false,
    "the kernel cannot filter system calls: containers need --security-opt seccomp=unconfined",
    "boot a kernel with CONFIG_SECCOMP_FILTER",
  );
}
