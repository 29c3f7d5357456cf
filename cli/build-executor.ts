/** RUN steps in the runtime: a container's usual narrowing, but foreground, without a record, and over throw-away mounts. */
import type { Executor, RunMount, RunRequest } from "../builder/executor.ts";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../runtime/defaults.ts";
import { capabilitySets } from "../runtime/engine/generate.ts";
import { resources } from "../runtime/engine/limits.ts";
import { ownLimits, rlimits } from "../runtime/engine/rlimits.ts";
import { capabilitiesOf } from "../runtime/engine/spec-of.ts";
import { defaultSeccomp } from "../runtime/process/seccomp/default-profile.ts";
import type { Processes } from "../runtime/process.ts";
import type { LinuxSpec, MountSpec, Spec } from "../runtime/spec.ts";
import { ownedName } from "../store/owner.ts";

export function buildExecutor(processes: Processes): Executor {
  return {
    async run(request) {
      const id = `build-${ownedName()}`;
      const layers = { lowers: request.lowers, upper: request.upper, work: request.work, volatile: true };
      const { exitCode } = await processes.runOnce(
        { id, spec: runSpec(id, request), layers },
        { onOutput: request.onOutput, ...(request.signal === undefined ? {} : { signal: request.signal }) },
      );
      return exitCode;
    },
  };
}

export function runSpec(id: string, request: RunRequest): Spec {
  const { uid, gid, groups } = request.user;
  const isInsecure = request.security === "insecure";
  return {
    ociVersion: "1.2.0",
    process: {
      user: { uid, gid, additionalGids: groups },
      args: request.args,
      env: request.env,
      cwd: request.cwd,
      capabilities: capabilitySets(isInsecure ? capabilitiesOf({ privileged: true }) : DEFAULT_CAPABILITIES),
      noNewPrivileges: false,
      ...(request.ulimits.length === 0 ? {} : { rlimits: rlimits(request.ulimits, ownLimits()) }),
    },
    root: { path: "rootfs", readonly: false },
    hostname: request.hostname,
    mounts: [...DEFAULT_MOUNTS.map((mount) => adapt(mount, request)), ...request.mounts.map(mountSpec)],
    linux: linux(id, request),
  };
}

/** /dev/shm as large as it is wanted; an insecure step writes to /sys. */
function adapt(mount: MountSpec, { shmSize, security }: RunRequest): MountSpec {
  if (mount.destination === "/dev/shm") return { ...mount, options: [...(mount.options ?? []).filter((word) => !word.startsWith("size=")), `size=${shmSize}`] };
  const isSystem = mount.destination === "/sys" || mount.destination === "/sys/fs/cgroup";
  return isSystem && security === "insecure" ? { ...mount, options: (mount.options ?? []).filter((word) => word !== "ro") } : mount;
}

function mountSpec(mount: RunMount): MountSpec {
  const destination = mount.target;
  if (mount.kind === "tmpfs")
    return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", ...(mount.size === undefined ? [] : [`size=${mount.size}`])] };
  if (mount.kind === "bind")
    return {
      destination,
      type: "bind",
      source: mount.source,
      ...(mount.below === undefined ? {} : { subPath: mount.below }),
      options: ["rbind", "rprivate", ...(mount.readOnly ? ["ro"] : [])],
    };
  return {
    destination,
    type: "overlay",
    source: "overlay",
    options: [`lowerdir=${mount.lowers.join(":")}`, `upperdir=${mount.upper}`, `workdir=${mount.work}`],
  };
}

/** `default` is this machine's own network, as buildah does without privilege: builds need no bridge, and `none` is there for those that must not reach out. */
function linux(id: string, { network, security, limits }: RunRequest): LinuxSpec {
  const isInsecure = security === "insecure";
  return {
    namespaces: [
      { type: "mount" },
      { type: "uts" },
      { type: "cgroup" },
      { type: "pid" },
      { type: "ipc" },
      ...(network === "none" ? [{ type: "network" } as const] : []),
    ],
    cgroupsPath: id,
    resources: { ...resources(limits ?? {}), devices: isInsecure ? [{ allow: true, access: "rwm" }] : DEFAULT_DEVICE_RULES },
    ...(isInsecure ? {} : { seccomp: defaultSeccomp(DEFAULT_CAPABILITIES), maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
  };
}
