/** Every property of config.json that runtime-spec 1.2 (and what 1.3 added for Linux) knows. */
import type { Lab, Overrides } from "./lab.ts";
import { LINUX_ROWS } from "./oci-linux-properties.ts";
import { RESOURCE_ROWS } from "./oci-resource-properties.ts";
import type { Row } from "./oci-property.ts";

const unmasked: Overrides["linux"] = { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } };
/** Shown with sets that are unlike each other. */
const capability = (set: string, title: string): Row => ({
  property: `process.capabilities.${set}`,
  here: "honoured",
  file: "oci-capabilities.test.ts",
  title,
});
/** By the kernel's names, in its order. NICE and RTPRIO cannot be more than what a test run has, which may be nothing. */
const RLIMITS = [
  ["CPU", "cpu time", 1000],
  ["FSIZE", "file size", 1 << 29],
  ["DATA", "data size", 1 << 28],
  ["STACK", "stack size", 1 << 22],
  ["CORE", "core file size", 4096],
  ["RSS", "resident set", 1 << 27],
  ["NPROC", "processes", 500],
  ["NOFILE", "open files", 100],
  ["MEMLOCK", "locked memory", 16384],
  ["AS", "address space", 1 << 30],
  ["LOCKS", "file locks", 77],
  ["SIGPENDING", "pending signals", 88],
  ["MSGQUEUE", "msgqueue size", 5000],
  ["NICE", "nice priority", 0],
  ["RTPRIO", "realtime priority", 0],
  ["RTTIME", "realtime timeout", 900_000],
] as const;
const softOf = (hard: number): number => hard >> 1;
const withMount =
  (options: readonly string[], more: object = {}): ((lab: Lab) => Overrides) =>
  (lab) => ({
    spec: { mounts: [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "bind", source: lab.rootfs, options: ["bind", ...options], ...more }] },
  });
const hook = (kind: string): Row => ({
  property: `hooks.${kind}`,
  here: "honoured",
  file: "oci-hooks.test.ts",
  title: "run in the order of the specification",
});

const COMMON_ROWS: readonly Row[] = [
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
  capability("bounding", "bounding, inheritable and ambient"),
  capability("effective", "effective and permitted"),
  capability("inheritable", "bounding, inheritable and ambient"),
  capability("permitted", "effective and permitted"),
  capability("ambient", "bounding, inheritable and ambient"),
  {
    property: "process.rlimits",
    here: "honoured",
    effect: {
      script: "tr -s ' ' < /proc/self/limits",
      stdout: new RegExp(RLIMITS.map(([, name, hard]) => `^Max ${name} ${softOf(hard)} ${hard} `).join("[^]*"), "m"),
      overrides: { process: { rlimits: RLIMITS.map(([type, , hard]) => ({ type: `RLIMIT_${type}`, soft: softOf(hard), hard })) } },
    },
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
  { property: "mounts.options", here: "honoured", file: "oci-mount-options.test.ts", title: "is of the mount alone" },
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
  { property: "solaris", here: "refused", value: { milestone: "a" }, says: /solaris: it is of another system/ },
  { property: "windows", here: "refused", value: { layerFolders: ["a"] }, says: /windows: it is of another system/ },
  { property: "vm", here: "refused", value: { kernel: { path: "/a" } }, says: /vm: containers run on this kernel/ },
  { property: "zos", here: "refused", value: { namespaces: [{ type: "mnt" }] }, says: /zos: it is of another system/ },
  { property: "freebsd", here: "refused", value: { jail: { parent: "a" } }, says: /freebsd: it is of another system/ },
];

export const ROWS: readonly Row[] = [...COMMON_ROWS, ...LINUX_ROWS, ...RESOURCE_ROWS];
