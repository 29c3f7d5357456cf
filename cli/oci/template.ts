/** Pure: the config.json that `spec` writes: a shell in a closed container. */
import { DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import type { MountSpec, Spec } from "../../runtime/spec.ts";

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** `owner`: of a container without privilege, who is its root outside. */
export function templateSpec(owner?: { readonly uid: number; readonly gid: number }): Spec {
  const types = ["pid", "network", "ipc", "uts", "mount", "cgroup"] as const;
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "strata",
    mounts: owner === undefined ? DEFAULT_MOUNTS : DEFAULT_MOUNTS.flatMap(withoutPrivilege),
    linux: {
      ...(owner === undefined
        ? { resources: { devices: [{ allow: false, access: "rwm" }] }, namespaces: types.map((type) => ({ type })) }
        : {
            uidMappings: [{ containerID: 0, hostID: owner.uid, size: 1 }],
            gidMappings: [{ containerID: 0, hostID: owner.gid, size: 1 }],
            namespaces: [...types.filter((type) => type !== "network"), "user" as const].map((type) => ({ type })),
          }),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

/** What only the owner of a network or of cgroups may mount is taken from outside, or left out. */
function withoutPrivilege(mount: MountSpec): readonly MountSpec[] {
  if (mount.type === "cgroup") return [];
  if (mount.type === "sysfs") return [{ destination: mount.destination, type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] }];
  return [{ ...mount, ...(mount.options !== undefined && { options: mount.options.filter((word) => !word.startsWith("gid=")) }) }];
}
