/** The profile of a container that asks for none: docker's, as it stands in 2026. What is not named gets EPERM. */
import type { SeccompSpec } from "../../spec.ts";
import { syscallNumbers } from "./syscalls.ts";

type Rule = NonNullable<SeccompSpec["syscalls"]>[number];

const ALLOW = "SCMP_ACT_ALLOW";
const ERRNO = "SCMP_ACT_ERRNO";
const ENOSYS = 38;
/** CLONE_NEWNS and the other namespace flags of clone(2). */
const CLONE_NAMESPACES = 0x7e02_0000;
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
const AF_ALG = 38;
const AF_VSOCK = 40;

/** Never, or only under conditions that stand below. */
const WITHHELD = new Set(
  `acct add_key afs_syscall bpf chroot clock_settime clock_settime64 clone clone3 create_module delete_module fanotify_init finit_module fsconfig
   fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp
   kexec_file_load kexec_load keyctl lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at
   open_tree open_tree_attr perf_event_open personality pivot_root process_madvise putpmsg query_module quotactl quotactl_fd reboot request_key
   security set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday socket stime swapoff swapon sysfs syslog tuxcall
   umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old vserver _sysctl listmount statmount lsm_set_self_attr`.split(/\s+/),
);

const BY_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree open_tree_attr
    perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare listmount statmount`,
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "init_module finit_module delete_module",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp process_madvise",
  CAP_SYS_RAWIO: "iopl ioperm",
  CAP_SYS_TIME: "settimeofday stime clock_settime clock_settime64",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYS_NICE: "get_mempolicy set_mempolicy mbind set_mempolicy_home_node",
  CAP_SYSLOG: "syslog",
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
};

/** `capabilities` is the bounding set: what it grants, the filter must not take. */
export function defaultSeccomp(capabilities: readonly string[]): SeccompSpec {
  const isAdmin = capabilities.includes("CAP_SYS_ADMIN");
  const names = [...new Set([...syscallNumbers("x64").keys(), ...syscallNumbers("x86").keys(), ...syscallNumbers("arm64").keys()])];
  const granted = capabilities.flatMap((name) => (BY_CAPABILITY[name] ?? "").split(/\s+/).filter((word) => word !== ""));
  return {
    defaultAction: ERRNO,
    defaultErrnoRet: 1,
    architectures: process.arch === "arm64" ? ["SCMP_ARCH_AARCH64"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [{ names: [...names.filter((name) => !WITHHELD.has(name)), ...granted], action: ALLOW }, ...conditional(isAdmin)],
  };
}

function conditional(isAdmin: boolean): readonly Rule[] {
  return [
    ...PERSONALITIES.map((value): Rule => ({ names: ["personality"], action: ALLOW, args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] })),
    { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_ALG, op: "SCMP_CMP_LT" }] },
    { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_ALG + 1, op: "SCMP_CMP_EQ" }] },
    { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_GT" }] },
    ...(isAdmin
      ? []
      : [
          { names: ["clone"], action: ALLOW, args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
          // Its flags are behind a pointer, out of a filter's sight; a libc then falls back to clone.
          { names: ["clone3"], action: ERRNO, errnoRet: ENOSYS },
        ]),
  ];
}
