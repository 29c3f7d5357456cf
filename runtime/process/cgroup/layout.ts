/** Where cgroups are on this machine: v1 hierarchies (hybrid too) or the one of v2, and the folder in each that is ours to divide. */

export interface Hierarchy {
  /** Empty for the one hierarchy of v2. */
  readonly controllers: readonly string[];
  /** Folder below which we make groups: our own group (v1), the mount (v2). */
  readonly base: string;
  /** Folder that an absolute cgroups path starts from. */
  readonly mount: string;
  /** Of v2, where groups are made from the mount on: the group that we are in ourselves. */
  readonly own?: string;
}

export interface CgroupLayout {
  readonly version: 1 | 2;
  readonly hierarchies: readonly Hierarchy[];
}

interface CgroupMount {
  readonly root: string;
  readonly target: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** Pure: from the texts of /proc/self/mountinfo and /proc/self/cgroup. v1 wins when any of its controllers is mounted. */
export function cgroupLayout(mountinfo: string, own: string): CgroupLayout {
  const mounts = parseMounts(mountinfo);
  const paths = parseOwn(own);
  const first = mounts.filter((mount) => mount.type === "cgroup" && !mount.superOptions.some((word) => word.startsWith("name=")));
  if (first.length === 0) {
    const unified = mounts.find((mount) => mount.type === "cgroup2");
    if (unified === undefined) return { version: 2, hierarchies: [] };
    const path = /^0::(.*)$/m.exec(own)?.[1] ?? "/";
    return { version: 2, hierarchies: [{ controllers: [], base: unified.target, mount: unified.target, own: within(unified, path) }] };
  }
  const known = new Set(paths.keys());
  const hierarchies = first.map((mount) => {
    const controllers = mount.superOptions.filter((word) => known.has(word));
    return { controllers, base: within(mount, paths.get(controllers[0] ?? "") ?? "/"), mount: mount.target };
  });
  return { version: 1, hierarchies: hierarchies.filter((hierarchy) => hierarchy.controllers.length > 0) };
}

/** Our own path as it shows below a mount that may show only a part of the hierarchy. */
function within(mount: CgroupMount, path: string): string {
  const root = mount.root === "/" ? "" : mount.root;
  const inner = path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "";
  return inner === "/" ? mount.target : `${mount.target}${inner}`;
}

function parseMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root, target] = left.split(" ");
    const [type = "", , options = ""] = right.split(" ");
    if (root === undefined || target === undefined || !type.startsWith("cgroup")) return [];
    return [{ root, target, type, superOptions: options.split(",") }];
  });
}

function parseOwn(own: string): ReadonlyMap<string, string> {
  const entries = own.split("\n").flatMap((line) => {
    const [, controllers = "", ...path] = line.split(":");
    return controllers
      .split(",")
      .filter((name) => name !== "")
      .map((name) => [name, path.join(":")] as const);
  });
  return new Map(entries);
}
