/** Pure: the program and who runs it: limits, capabilities, user, seccomp, execve. */
import { RuntimeError } from "../errors.ts";
import type { ProcessSpec } from "../spec.ts";
import { capabilityMask } from "./capabilities.ts";
import type { Operation } from "./operation.ts";
import type { SeccompProgram } from "./seccomp/program.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_UMASK = 0o022;

/** What needs the privileges of the outside: before any namespace is joined. In a new user namespace the monitor sets the score, with the maps. */
export function lowerBefore(process: ProcessSpec, id: string, newUser: boolean, keyring = true): readonly Operation[] {
  return [
    ...(keyring ? [["keyring", `_ses.${id}`] as const] : []),
    ...(process.oomScoreAdj === undefined || newUser ? [] : [["proc", "/proc/self/oom_score_adj", process.oomScoreAdj] as const]),
  ];
}

/** Inside, while still privileged. A container's own program has its working folder made; what is executed beside it finds one, or fails. */
export function lowerSetup(process: ProcessSpec, folder: "made" | "found"): readonly Operation[] {
  const path = process.env?.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  return [
    ["streams", process.user.uid],
    ...(folder === "made" ? [["make-folder", process.cwd] as const] : []),
    ["folder", process.cwd],
    ["find", process.args[0] ?? "", path],
    ...(process.rlimits ?? []).map((one): Operation => ["rlimit", rlimitNumber(one.type), rlimitValue(one.soft), rlimitValue(one.hard)]),
  ];
}

export interface IdentityContext {
  readonly setgroups: boolean;
  readonly seccomp: SeccompProgram | undefined;
  readonly follow: boolean;
  /** Descriptors from 3 upward that the program gets. */
  readonly preserve?: number | undefined;
  /** Done by the program's user, under its filter, just before it. */
  readonly hooks?: readonly Operation[];
}

/**
 * The last steps. A filter may refuse any system call, so what can be done before it is. With no_new_privs nothing but execve (and
 * hooks) follows it; without, loading it needs CAP_SYS_ADMIN, so it comes before the capabilities go.
 */
export function lowerIdentity(process: ProcessSpec, { setgroups, seccomp, follow, preserve = 0, hooks = [] }: IdentityContext): readonly Operation[] {
  const { user, capabilities, noNewPrivileges = false } = process;
  const filter: readonly Operation[] = [
    ...(preserve === 0 ? [] : [["preserve", preserve] as const]),
    ["prepare", user.umask ?? DEFAULT_UMASK],
    ...(seccomp === undefined ? [] : [["seccomp", seccomp.bytes, seccomp.flags] as const]),
  ];
  return [
    ...(noNewPrivileges ? [] : filter),
    ["bounding", capabilityMask(capabilities?.bounding)],
    ["user", idOf("uid", user.uid), idOf("gid", user.gid), setgroups ? 1 : 0, ...(user.additionalGids ?? []).map((id) => idOf("additionalGids", id))],
    ["capabilities", ...sets(capabilities)],
    ...(follow ? [["follow"] as const] : []),
    ...(noNewPrivileges ? ([["no-new-privileges"], ...filter] as const) : []),
    ...hooks,
    ["execute", process.args.length, ...process.args, ...(process.env ?? [])],
  ];
}

const MAX_ID = 0xffff_fffe;

/** To the kernel the number after the last id, which -1 is too, means "stay who you are": root. */
function idOf(property: string, id: number): number {
  if (Number.isInteger(id) && id >= 0 && id <= MAX_ID) return id;
  throw new RuntimeError("SPEC_INVALID", `Cannot run with process.user.${property} ${id}: a whole number from 0 to ${MAX_ID} is needed`);
}

function sets(capabilities: ProcessSpec["capabilities"]): readonly [string, string, string, string] {
  return [
    capabilityMask(capabilities?.effective),
    capabilityMask(capabilities?.permitted),
    capabilityMask(capabilities?.inheritable),
    capabilityMask(capabilities?.ambient),
  ];
}

/** By number: asm-generic/resource.h. */
const RLIMITS = [
  "CPU",
  "FSIZE",
  "DATA",
  "STACK",
  "CORE",
  "RSS",
  "NPROC",
  "NOFILE",
  "MEMLOCK",
  "AS",
  "LOCKS",
  "SIGPENDING",
  "MSGQUEUE",
  "NICE",
  "RTPRIO",
  "RTTIME",
];

function rlimitNumber(type: string): number {
  const number = RLIMITS.indexOf(type.replace(/^RLIMIT_/, ""));
  if (number < 0) throw new RuntimeError("SPEC_INVALID", `Cannot set ${JSON.stringify(type)}: there is no such resource limit`);
  return number;
}

/** RLIM_INFINITY is the greatest u64, which a JSON number only approaches. */
function rlimitValue(value: number): string {
  return value < 0 || value >= 2 ** 63 ? "18446744073709551615" : String(value);
}
