/** RUN steps in the runtime: a container's usual narrowing, but foreground, without a record, and over throw-away mounts. */
import type { Executor, RunMount, RunRequest } from "../builder/executor.ts";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../runtime/defaults.ts";
import { capabilitySets } from "../runtime/engine/generate.ts";
import { ownLimits, rlimits } from "../runtime/engine/rlimits.ts";
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

function runSpec(id: string, request: RunRequest): Spec {
  const { uid, gid, groups } = request.user;
  return {
    ociVersion: "1.2.0",
    process: {
      user: { uid, gid, additionalGids: groups },
      args: request.args,
      env: request.env,
      cwd: request.cwd,
      capabilities: capabilitySets(DEFAULT_CAPABILITIES),
      noNewPrivileges: false,
      ...(request.ulimits.length === 0 ? {} : { rlimits: rlimits(request.ulimits, ownLimits()) }),
    },
    root: { path: "rootfs", readonly: false },
    hostname: request.hostname,
    mounts: [...DEFAULT_MOUNTS.map((mount) => withShmSize(mount, request.shmSize)), ...request.mounts.map(mountSpec)],
    linux: linux(id, request),
  };
}

function withShmSize(mount: MountSpec, bytes: number): MountSpec {
  if (mount.destination !== "/dev/shm") return mount;
  return { ...mount, options: [...(mount.options ?? []).filter((word) => !word.startsWith("size=")), `size=${bytes}`] };
}

function mountSpec(mount: RunMount): MountSpec {
  const destination = mount.target;
  if (mount.kind === "tmpfs")
    return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", ...(mount.size === undefined ? [] : [`size=${mount.size}`])] };
  if (mount.kind === "bind") return { destination, type: "bind", source: mount.source, options: ["rbind", "rprivate", ...(mount.readOnly ? ["ro"] : [])] };
  return {
    destination,
    type: "overlay",
    source: "overlay",
    options: [`lowerdir=${mount.lowers.join(":")}`, `upperdir=${mount.upper}`, `workdir=${mount.work}`],
  };
}

/** `default` is this machine's own network, as buildah does without privilege: builds need no bridge, and `none` is there for those that must not reach out. */
function linux(id: string, { network }: RunRequest): LinuxSpec {
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
    resources: { devices: DEFAULT_DEVICE_RULES },
    seccomp: defaultSeccomp(DEFAULT_CAPABILITIES),
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
  };
}
