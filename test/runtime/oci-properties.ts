/** Every property of config.json that runtime-spec 1.2 (and what 1.3 added for Linux) knows, and what becomes of it here. */
import type { Lab, Overrides } from "./lab.ts";

/** Run in a container; what it prints shows the effect. */
export interface Effect {
  readonly script: string;
  readonly stdout: string | RegExp;
  readonly overrides?: Overrides | ((lab: Lab) => Overrides);
}

export type Row = { readonly property: string } & (
  | { readonly here: "honoured"; readonly effect: Effect }
  /** Shown by another test: its file and a part of its title. */
  | { readonly here: "honoured"; readonly file: string; readonly title: string }
  | { readonly here: "refused"; readonly value: unknown; readonly says: RegExp }
);

const unmasked: Overrides["linux"] = { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } };
const limits = (resources: NonNullable<Overrides["linux"]>["resources"]): Overrides => ({
  linux: { resources: { devices: [{ allow: true, access: "rwm" }], ...resources } },
});
const cgroup = (file: string): string => `cat /sys/fs/cgroup/${file}`;
const capability = (set: string): Effect => ({
  script: `grep ^${set} /proc/self/status | tr -d '\\t'`,
  stdout: `${set}:0000000000000401\n`,
  overrides: {
    process: {
      user: { uid: 0, gid: 0 },
      capabilities: Object.fromEntries(
        ["bounding", "effective", "inheritable", "permitted", "ambient"].map((name) => [name, ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"]]),
      ),
    },
  },
});
const withMount =
  (options: readonly string[], more: object = {}): ((lab: Lab) => Overrides) =>
  (lab) => ({
    spec: { mounts: [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "bind", source: lab.rootfs, options: ["bind", ...options], ...more }] },
  });
const errno = (overrides: NonNullable<NonNullable<Overrides["linux"]>["seccomp"]>): Overrides => ({ linux: { seccomp: overrides } });
const mkdirIs = (more: object): Overrides =>
  errno({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", ...more }] });
const hook = (kind: string): Row => ({
  property: `hooks.${kind}`,
  here: "honoured",
  file: "oci-hooks.test.ts",
  title: "run in the order of the specification",
});
const mode = (path: string): string => `stat -c '%F %t:%T %a %u:%g' ${path}`;
const device = { path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 } as const;
const own = (type: string): string => `test $(readlink /proc/self/ns/${type}) != "$HOST" && echo own`;

export const ROWS: readonly Row[] = [
  { property: "ociVersion", here: "honoured", file: "oci-commands.test.ts", title: "an ociVersion of another kind" },
  { property: "process.terminal", here: "honoured", file: "process-streams.test.ts", title: "it is the controlling terminal" },
  { property: "process.consoleSize", here: "honoured", file: "process-streams.test.ts", title: "the three streams are one terminal of the given size" },
  { property: "process.user.uid", here: "honoured", effect: { script: "id -u", stdout: "12\n", overrides: { process: { user: { uid: 12, gid: 13 } } } } },
  { property: "process.user.gid", here: "honoured", effect: { script: "id -g", stdout: "13\n", overrides: { process: { user: { uid: 12, gid: 13 } } } } },
  {
    property: "process.user.umask",
    here: "honoured",
    effect: { script: "umask", stdout: "0027\n", overrides: { process: { user: { uid: 0, gid: 0, umask: 0o27 } } } },
  },
  {
    property: "process.user.additionalGids",
    here: "honoured",
    effect: { script: "id -G", stdout: "13 20 21\n", overrides: { process: { user: { uid: 12, gid: 13, additionalGids: [20, 21] } } } },
  },
  { property: "process.user.username", here: "refused", value: "alice", says: /process\.user\.username: it is of another system/ },
  { property: "process.args", here: "honoured", effect: { script: "tr '\\0' ' ' < /proc/$$/cmdline | cut -c 1-10", stdout: "/bin/sh -c\n" } },
  { property: "process.commandLine", here: "refused", value: "cmd", says: /process\.commandLine: it is of another system/ },
  { property: "process.env", here: "honoured", effect: { script: "echo $ONE", stdout: "two\n", overrides: { process: { env: ["PATH=/bin", "ONE=two"] } } } },
  { property: "process.cwd", here: "honoured", effect: { script: "pwd", stdout: "/made/for/it\n", overrides: { process: { cwd: "/made/for/it" } } } },
  { property: "process.capabilities.bounding", here: "honoured", effect: capability("CapBnd") },
  { property: "process.capabilities.effective", here: "honoured", effect: capability("CapEff") },
  { property: "process.capabilities.inheritable", here: "honoured", effect: capability("CapInh") },
  { property: "process.capabilities.permitted", here: "honoured", effect: capability("CapPrm") },
  { property: "process.capabilities.ambient", here: "honoured", effect: capability("CapAmb") },
  {
    property: "process.rlimits",
    here: "honoured",
    effect: { script: "ulimit -n; ulimit -Hn", stdout: "100\n200\n", overrides: { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }] } } },
  },
  {
    property: "process.noNewPrivileges",
    here: "honoured",
    effect: { script: "grep -c 'NoNewPrivs:.1' /proc/self/status", stdout: "1\n", overrides: { process: { noNewPrivileges: true } } },
  },
  { property: "process.apparmorProfile", here: "refused", value: "mine", says: /AppArmor profile "mine": AppArmor is not enabled/ },
  {
    property: "process.oomScoreAdj",
    here: "honoured",
    effect: { script: "cat /proc/self/oom_score_adj", stdout: "123\n", overrides: { process: { oomScoreAdj: 123 } } },
  },
  {
    property: "process.scheduler",
    here: "honoured",
    effect: { script: "cut -d ' ' -f 19,41 /proc/self/stat", stdout: "5 3\n", overrides: { process: { scheduler: { policy: "SCHED_BATCH", nice: 5 } } } },
  },
  { property: "process.selinuxLabel", here: "refused", value: "a:b:c", says: /SELinux label "a:b:c": SELinux is not enabled/ },
  {
    property: "process.ioPriority",
    here: "honoured",
    effect: {
      script: "probe treatment",
      stdout: `io ${(2 << 13) | 6} personality 0 memory 0\n`,
      overrides: { process: { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 } }, linux: unmasked },
    },
  },
  { property: "process.execCPUAffinity.initial", here: "honoured", file: "oci-properties.test.ts", title: "execCPUAffinity" },
  { property: "process.execCPUAffinity.final", here: "honoured", file: "oci-properties.test.ts", title: "execCPUAffinity" },
  { property: "root.path", here: "honoured", file: "process-oci.test.ts", title: "is run, its exit code and streams are the program's" },
  {
    property: "root.readonly",
    here: "honoured",
    effect: { script: "touch /x 2>&1 | grep -c Read-only", stdout: "1\n", overrides: { spec: { root: { path: "/", readonly: true } } } },
  },
  { property: "hostname", here: "honoured", effect: { script: "hostname", stdout: "mine\n", overrides: { spec: { hostname: "mine" } } } },
  {
    property: "domainname",
    here: "honoured",
    effect: { script: "cat /proc/sys/kernel/domainname", stdout: "its.domain\n", overrides: { spec: { domainname: "its.domain" } } },
  },
  {
    property: "mounts.destination",
    here: "honoured",
    effect: { script: "ls /here/bin/probe", stdout: "/here/bin/probe\n", overrides: withMount([], { destination: "here" }) },
  },
  { property: "mounts.type", here: "honoured", effect: { script: "grep -c ' /dev/shm .* - tmpfs ' /proc/self/mountinfo", stdout: "1\n" } },
  { property: "mounts.source", here: "honoured", effect: { script: "ls /here/bin/probe", stdout: "/here/bin/probe\n", overrides: withMount([]) } },
  { property: "mounts.options", here: "honoured", file: "oci-properties.test.ts", title: "mount option" },
  {
    property: "mounts.uidMappings",
    here: "honoured",
    effect: {
      script: "stat -c %u:%g /here/bin/probe",
      stdout: "1000:2000\n",
      overrides: withMount([], { uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }], gidMappings: [{ containerID: 0, hostID: 2000, size: 1 }] }),
    },
  },
  {
    property: "mounts.gidMappings",
    here: "honoured",
    effect: {
      script: "stat -c %g /here/bin/probe",
      stdout: "5\n",
      overrides: withMount(["idmap"], { uidMappings: [{ containerID: 0, hostID: 0, size: 1 }], gidMappings: [{ containerID: 0, hostID: 5, size: 1 }] }),
    },
  },
  ...["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"].map(hook),
  { property: "annotations", here: "honoured", file: "process-oci.test.ts", title: "goes through create, start, kill and delete" },
  { property: "linux.namespaces.type", here: "honoured", effect: { script: own("uts"), stdout: "own\n" } },
  { property: "linux.namespaces.path", here: "honoured", file: "process-setup.test.ts", title: "a namespace that another has is joined by its path" },
  { property: "linux.uidMappings", here: "honoured", file: "process-user-namespace.test.ts", title: "seen from outside it is an ordinary user" },
  { property: "linux.gidMappings", here: "honoured", file: "process-user-namespace.test.ts", title: "what it writes lies unshifted on disk" },
  { property: "linux.timeOffsets", here: "honoured", file: "process-time.test.ts", title: "the first process is in it already" },
  {
    property: "linux.devices",
    here: "honoured",
    effect: { script: mode("/dev/mine"), stdout: "character special file 1:5 640 7:8\n", overrides: { linux: { devices: [device] } } },
  },
  { property: "linux.cgroupsPath", here: "honoured", file: "oci-properties.test.ts", title: "cgroupsPath" },
  { property: "linux.resources.devices", here: "honoured", file: "process-limits.test.ts", title: "only harmless devices can be opened" },
  {
    property: "linux.resources.memory.limit",
    here: "honoured",
    effect: { script: cgroup("memory/memory.limit_in_bytes"), stdout: "67108864\n", overrides: limits({ memory: { limit: 64 << 20 } }) },
  },
  {
    property: "linux.resources.memory.swap",
    here: "honoured",
    effect: { script: cgroup("memory/memory.memsw.limit_in_bytes"), stdout: "100663296\n", overrides: limits({ memory: { limit: 64 << 20, swap: 96 << 20 } }) },
  },
  {
    property: "linux.resources.memory.reservation",
    here: "honoured",
    effect: { script: cgroup("memory/memory.soft_limit_in_bytes"), stdout: "33554432\n", overrides: limits({ memory: { reservation: 32 << 20 } }) },
  },
  { property: "linux.resources.memory.kernel", here: "refused", value: 1 << 24, says: /linux\.resources\.memory\.kernel: kernels hold no such limit/ },
  {
    property: "linux.resources.memory.kernelTCP",
    here: "honoured",
    effect: { script: cgroup("memory/memory.kmem.tcp.limit_in_bytes"), stdout: "16777216\n", overrides: limits({ memory: { kernelTCP: 16 << 20 } }) },
  },
  {
    property: "linux.resources.memory.swappiness",
    here: "honoured",
    effect: { script: cgroup("memory/memory.swappiness"), stdout: "30\n", overrides: limits({ memory: { swappiness: 30 } }) },
  },
  {
    property: "linux.resources.memory.disableOOMKiller",
    here: "honoured",
    effect: {
      script: `${cgroup("memory/memory.oom_control")} | head -1`,
      stdout: "oom_kill_disable 1\n",
      overrides: limits({ memory: { disableOOMKiller: true } }),
    },
  },
  { property: "linux.resources.memory.useHierarchy", here: "honoured", effect: { script: cgroup("memory/memory.use_hierarchy"), stdout: "1\n" } },
  { property: "linux.resources.memory.checkBeforeUpdate", here: "honoured", file: "oci-properties.test.ts", title: "checkBeforeUpdate" },
  {
    property: "linux.resources.cpu.shares",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.shares"), stdout: "512\n", overrides: limits({ cpu: { shares: 512 } }) },
  },
  {
    property: "linux.resources.cpu.quota",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_quota_us"), stdout: "30000\n", overrides: limits({ cpu: { quota: 30000 } }) },
  },
  {
    property: "linux.resources.cpu.period",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_period_us"), stdout: "50000\n", overrides: limits({ cpu: { period: 50000 } }) },
  },
  {
    property: "linux.resources.cpu.burst",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_burst_us"), stdout: "10000\n", overrides: limits({ cpu: { quota: 30000, burst: 10000 } }) },
  },
  {
    property: "linux.resources.cpu.idle",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.idle"), stdout: "1\n", overrides: limits({ cpu: { idle: 1 } }) },
  },
  { property: "linux.resources.cpu.realtimePeriod", here: "honoured", file: "oci-properties.test.ts", title: "real time" },
  { property: "linux.resources.cpu.realtimeRuntime", here: "honoured", file: "oci-properties.test.ts", title: "real time" },
  {
    property: "linux.resources.cpu.cpus",
    here: "honoured",
    effect: { script: "grep Cpus_allowed_list /proc/self/status", stdout: "Cpus_allowed_list:\t0\n", overrides: limits({ cpu: { cpus: "0" } }) },
  },
  {
    property: "linux.resources.cpu.mems",
    here: "honoured",
    effect: { script: cgroup("cpuset/cpuset.mems"), stdout: "0\n", overrides: limits({ cpu: { mems: "0" } }) },
  },
  {
    property: "linux.resources.pids.limit",
    here: "honoured",
    effect: { script: cgroup("pids/pids.max"), stdout: "20\n", overrides: limits({ pids: { limit: 20 } }) },
  },
  {
    property: "linux.resources.blockIO.weight",
    here: "honoured",
    effect: { script: cgroup("blkio/blkio.bfq.weight"), stdout: "300\n", overrides: limits({ blockIO: { weight: 300 } }) },
  },
  { property: "linux.resources.blockIO.leafWeight", here: "refused", value: 300, says: /blockIO\.leafWeight: kernels have no such weight/ },
  { property: "linux.resources.blockIO.weightDevice", here: "honoured", file: "cgroup.test.ts", title: "block weight of a device" },
  {
    property: "linux.resources.blockIO.weightDevice.leafWeight",
    here: "refused",
    value: 1,
    says: /blockIO\.weightDevice\.leafWeight: kernels have no such weight/,
  },
  ...(["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"] as const).map((what): Row => ({
    property: `linux.resources.blockIO.throttle${what}Device`,
    here: "honoured",
    file: "oci-properties.test.ts",
    title: "throttles of disks",
  })),
  { property: "linux.resources.hugepageLimits", here: "honoured", file: "cgroup.test.ts", title: "huge pages, in use and reserved" },
  { property: "linux.resources.network.classID", here: "honoured", file: "cgroup.test.ts", title: "classes and priorities of the network" },
  { property: "linux.resources.network.priorities", here: "honoured", file: "cgroup.test.ts", title: "classes and priorities of the network" },
  { property: "linux.resources.rdma", here: "refused", value: { mlx5: { hcaHandles: 1 } }, says: /rdma\.max: this machine has no rdma cgroups/ },
  {
    property: "linux.resources.unified",
    here: "refused",
    value: { "memory.high": "1" },
    says: /linux\.resources\.unified: this machine has cgroups of version 1/,
  },
  {
    property: "linux.sysctl",
    here: "honoured",
    effect: {
      script: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax",
      stdout: "1\n12345\n",
      overrides: { linux: { sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "12345" } } },
    },
  },
  { property: "linux.seccomp.defaultAction", here: "honoured", file: "seccomp.test.ts", title: "random sets of allowed calls answer as they stand" },
  {
    property: "linux.seccomp.defaultErrnoRet",
    here: "honoured",
    effect: {
      script: "probe ask keyctl",
      stdout: "EHOSTDOWN\n",
      overrides: errno({
        defaultAction: "SCMP_ACT_ERRNO",
        defaultErrnoRet: 112,
        syscalls: [
          {
            names: [
              "read",
              "write",
              "execve",
              "brk",
              "mmap",
              "munmap",
              "mprotect",
              "arch_prctl",
              "set_tid_address",
              "set_robust_list",
              "rseq",
              "prlimit64",
              "readlink",
              "readlinkat",
              "getrandom",
              "newfstatat",
              "fstat",
              "exit_group",
              "openat",
              "close",
              "pread64",
              "access",
              "faccessat2",
              "rt_sigaction",
              "rt_sigprocmask",
              "rt_sigreturn",
              "clone",
              "fork",
              "vfork",
              "wait4",
              "getpid",
              "getppid",
              "getuid",
              "geteuid",
              "getgid",
              "getegid",
              "getcwd",
              "dup2",
              "fcntl",
              "stat",
              "lstat",
              "ioctl",
              "lseek",
              "close_range",
              "sched_setaffinity",
              "umask",
              "chdir",
              "setgroups",
              "setresuid",
              "setresgid",
              "prctl",
              "capset",
              "capget",
              "recvfrom",
              "sendto",
              "recvmsg",
              "sendmsg",
              "sigaltstack",
              "uname",
            ],
            action: "SCMP_ACT_ALLOW",
          },
        ],
      }),
    },
  },
  { property: "linux.seccomp.architectures", here: "honoured", file: "seccomp.test.ts", title: "the tables" },
  {
    property: "linux.seccomp.flags",
    here: "honoured",
    effect: {
      script: "grep Seccomp: /proc/self/status",
      stdout: "Seccomp:\t2\n",
      overrides: errno({ defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] }),
    },
  },
  {
    property: "linux.seccomp.listenerPath",
    here: "refused",
    value: "/run/listener",
    says: /linux\.seccomp\.listenerPath: system calls are not handed to listeners/,
  },
  {
    property: "linux.seccomp.listenerMetadata",
    here: "refused",
    value: "words",
    says: /linux\.seccomp\.listenerMetadata: system calls are not handed to listeners/,
  },
  {
    property: "linux.seccomp.syscalls.names",
    here: "honoured",
    effect: { script: "mkdir /tmp/a 2>&1 | grep -c 'not permitted'", stdout: "1\n", overrides: mkdirIs({}) },
  },
  {
    property: "linux.seccomp.syscalls.action",
    here: "honoured",
    effect: { script: "mkdir /tmp/a; echo $?", stdout: "159\n", overrides: mkdirIs({ action: "SCMP_ACT_KILL_PROCESS" }) },
  },
  {
    property: "linux.seccomp.syscalls.errnoRet",
    here: "honoured",
    effect: { script: "mkdir /tmp/a 2>&1 | grep -c 'Host is down'", stdout: "1\n", overrides: mkdirIs({ errnoRet: 112 }) },
  },
  { property: "linux.seccomp.syscalls.args", here: "honoured", file: "seccomp.test.ts", title: "comparisons of 64-bit arguments" },
  { property: "linux.rootfsPropagation", here: "honoured", file: "oci-properties.test.ts", title: "rootfsPropagation" },
  {
    property: "linux.maskedPaths",
    here: "honoured",
    effect: { script: "cat /etc/passwd; ls /root", stdout: "", overrides: { linux: { maskedPaths: ["/etc/passwd", "/root"] } } },
  },
  {
    property: "linux.readonlyPaths",
    here: "honoured",
    effect: { script: "touch /tmp/a 2>&1 | grep -c Read-only", stdout: "1\n", overrides: { linux: { readonlyPaths: ["/tmp"] } } },
  },
  { property: "linux.mountLabel", here: "refused", value: "system_u:object_r:x", says: /linux\.mountLabel: SELinux is not enabled/ },
  { property: "linux.intelRdt", here: "refused", value: { closID: "a" }, says: /linux\.intelRdt: Intel's resource director is not supported/ },
  {
    property: "linux.personality",
    here: "honoured",
    effect: { script: "probe treatment", stdout: /personality 8 /, overrides: { linux: { ...unmasked, personality: { domain: "LINUX32" } } } },
  },
  {
    property: "linux.memoryPolicy",
    here: "honoured",
    effect: { script: "probe treatment", stdout: /memory 3\n/, overrides: { linux: { ...unmasked, memoryPolicy: { mode: "MPOL_INTERLEAVE", nodes: "0" } } } },
  },
  { property: "linux.netDevices", here: "refused", value: { eth0: { name: "eth1" } }, says: /linux\.netDevices: devices of the network are not moved/ },
  { property: "solaris", here: "refused", value: { milestone: "a" }, says: /solaris: it is of another system/ },
  { property: "windows", here: "refused", value: { layerFolders: ["a"] }, says: /windows: it is of another system/ },
  { property: "vm", here: "refused", value: { kernel: { path: "/a" } }, says: /vm: containers run on this kernel/ },
  { property: "zos", here: "refused", value: { namespaces: [{ type: "mnt" }] }, says: /zos: it is of another system/ },
  { property: "freebsd", here: "refused", value: { jail: { parent: "a" } }, says: /freebsd: it is of another system/ },
];
