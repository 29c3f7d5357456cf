/** Pure: a spec as the helper's operations. Each step stands where it does for safety; docs/decisions/helper-process.md tells why they are lowered here. */
import { RuntimeError } from "../errors.ts";
import type { CreateRequest } from "../process.ts";
import type { ProcessSpec, Spec } from "../spec.ts";
import { groupOperations, joinOperations, type Groups } from "./cgroup/groups.ts";
import { lowerCreateHooks, lowerStartHooks } from "./hooks/lower.ts";
import type { Nested } from "./host.ts";
import { lowerDisk, lowerIdmap, lowerMappedBinds, lowerMounts, lowerNarrowing, lowerOutsideBinds, lowerRoot } from "./lower-mounts.ts";
import { checkSpec } from "./check-spec.ts";
import { lowerAffinity, lowerSchedule } from "./lower-schedule.ts";
import { lowerLabels } from "./labels.ts";
import { lowerNamespaces } from "./lower-namespaces.ts";
import { lowerBefore, lowerIdentity, lowerSetup } from "./lower-process.ts";
import { NAMESPACE_FLAGS } from "./namespace-flags.ts";
import type { Operation } from "./operation.ts";
import type { SeccompProgram } from "./seccomp/program.ts";

/** How the helper lives on: to the end of its control socket, as a monitor, or not at all (its caller waits for the child). */
export type Mode = "once" | "stay" | "leave";

export interface LowerInput {
  readonly request: CreateRequest;
  readonly mode: Mode;
  readonly start: boolean;
  readonly attach: boolean;
  /** State folder; undefined records nothing. */
  readonly directory?: string;
  readonly consoleSocket?: string;
  readonly keyring?: boolean;
  /** Descriptors from 3 upward that the program gets. */
  readonly preserve?: number;
  /** Told to hooks. */
  readonly bundle?: string;
  /** The spec's profile, compiled. */
  readonly seccomp: SeccompProgram | undefined;
  /** Undefined: the caller may make no groups. */
  readonly groups: Groups | undefined;
  /** Of the exit command. */
  readonly environment: Readonly<Record<string, string>>;
  /** Without privilege: maps are written with setgroups denied. */
  readonly rootless: boolean;
  readonly nested: Nested;
}

/** @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function lower(input: LowerInput): readonly Operation[] {
  const { request, groups } = input;
  const { spec } = request;
  const process = programOf(spec);
  checkSpec(spec, groups?.version ?? 1);
  const schedule = lowerSchedule(process, spec.linux);
  const spaces = lowerNamespaces(spec, input.rootless, lowerSysctls(spec));
  const isNested = input.nested !== "no";
  const setgroups = !(spaces.newUser && input.rootless) && input.nested !== "alone";
  if (input.nested === "alone" && !spaces.newUser) needRoot(process);
  if (spaces.newUser && isNested && request.layers !== undefined)
    throw new RuntimeError("UNSUPPORTED", "Cannot map the container's ids: an ordinary user's containers have those of the user's own namespace");
  const hooked = { id: request.id, spec, bundle: input.bundle };
  const createHooks = spec.hooks === undefined ? [] : lowerCreateHooks(hooked);
  const mapsMounts = spaces.newUser && !input.rootless && !isNested;
  const isMapped = spaces.newUser && !input.rootless && request.layers !== undefined;
  return [
    ...lowerMonitor(input, process),
    ...(groups === undefined ? [] : groupOperations(groups, spec.linux?.resources ?? {})),
    ...(isMapped ? lowerIdmap(request) : []),
    ...(spaces.newUser ? lowerMappedBinds(spec) : []),
    ...lowerOutsideBinds(spec, mapsMounts),
    ...lowerDisk(request, isMapped),
    ...spaces.operations,
    ...lowerBefore(process, request.id, spaces.newUser, input.keyring),
    ["undumpable"],
    ...lowerRoot(request, isMapped, spaces.newUser || isNested),
    ...lowerMounts(spec, {
      userNamespace: spaces.newUser || isNested,
      newUser: spaces.newUser,
      mapsMounts,
      outside: mapsMounts,
      network: spaces.network,
      groups,
    }),
    ...createHooks, // programs of this machine's: not confined as the container's is
    ...lowerLabels(process),
    ["pivot"],
    ...(spec.hostname === undefined ? [] : [["hostname", spec.hostname] as const]),
    ...(spec.domainname === undefined ? [] : [["domainname", spec.domainname] as const]),
    ...lowerTerminal(process, true),
    ...lowerNarrowing(spec, groups),
    ...lowerSetup(process, "made"),
    ...schedule,
    ["ready"],
    ...(spaces.newCgroup ? [["unshare", NAMESPACE_FLAGS.cgroup] as const] : []),
    ["wait", "S"],
    ...lowerIdentity(process, {
      setgroups,
      seccomp: input.seccomp,
      follow: input.mode !== "leave",
      preserve: input.preserve,
      hooks: lowerStartHooks(hooked),
    }),
  ];
}

export interface LowerExecInput extends Omit<LowerInput, "request"> {
  readonly id: string;
  readonly process: ProcessSpec;
  readonly stdio: CreateRequest["stdio"];
  readonly init: { readonly pid: number; readonly startTime: number };
  readonly spec: Spec;
}

/** One more process in a container that runs. */
export function lowerExec(input: LowerExecInput): readonly Operation[] {
  const { process, spec, init } = input;
  if (input.nested === "alone") needRoot(process);
  const types = (spec.linux?.namespaces ?? []).map((one) => one.type);
  const flags = types.reduce((bits, type) => bits | NAMESPACE_FLAGS[type], 0);
  const hasUser = types.includes("user");
  const affinity = process.execCPUAffinity ?? spec.process?.execCPUAffinity;
  return [
    ...lowerMonitor({ ...input, stdio: input.stdio }, process),
    ...(input.groups === undefined ? [] : joinOperations(input.groups)),
    ["clone", 0, 1],
    ...lowerAffinity(affinity?.initial),
    ["groups"],
    ...lowerBefore(process, input.id, false),
    ...lowerLabels(process),
    ["undumpable"],
    ["join", `${init.pid}:${init.startTime}`, flags],
    ["fork", 0],
    ...(hasUser ? [["become-root"] as const] : []),
    ...lowerTerminal(process, false),
    ...lowerSetup(process, "found"),
    ...lowerSchedule(process, spec.linux),
    ...lowerAffinity(affinity?.final),
    ["ready"],
    ["wait", "S"],
    ...lowerIdentity(process, {
      setgroups: !(hasUser && input.rootless) && input.nested !== "alone",
      seccomp: input.seccomp,
      follow: input.mode !== "leave",
      preserve: input.preserve,
    }),
  ];
}

/** @throws {RuntimeError} `UNSUPPORTED` */
function needRoot({ user: { uid, gid } }: ProcessSpec): void {
  if (uid === 0 && gid === 0) return;
  throw new RuntimeError("UNSUPPORTED", `Cannot run as user ${uid}, group ${gid}: these containers have no user but root`, {
    hint: "Further users need newuidmap (apt-get install uidmap) and ranges in /etc/subuid and /etc/subgid",
  });
}

function programOf(spec: Spec): ProcessSpec {
  if (spec.process === undefined || spec.process.args.length === 0)
    throw new RuntimeError("SPEC_INVALID", "Cannot run the container: the spec names no program");
  if (!spec.process.cwd.startsWith("/"))
    throw new RuntimeError("SPEC_INVALID", `Cannot use ${JSON.stringify(spec.process.cwd)} as working folder: it is not absolute`);
  return spec.process;
}

function lowerMonitor(
  input: Pick<LowerInput, "mode" | "start" | "attach" | "directory" | "consoleSocket" | "environment"> & {
    readonly stdio?: CreateRequest["stdio"];
    readonly request?: CreateRequest;
  },
  process: ProcessSpec,
): readonly Operation[] {
  const stdio = input.stdio ?? input.request?.stdio ?? { kind: "inherit" };
  const { exitCommand, health } = input.request ?? {};
  const kind = process.terminal === true ? "terminal" : stdio.kind === "inherit" ? "inherit" : "pipes";
  return [
    ...(input.directory === undefined ? [] : [["directory", input.directory] as const]),
    ["mode", input.mode, input.start ? 1 : 0, input.attach ? 1 : 0],
    ["stdio", kind, stdio.kind === "monitor" && stdio.stdin ? 1 : 0],
    ...(input.consoleSocket === undefined ? [] : [["console", input.consoleSocket] as const]),
    ...(input.mode === "stay" && input.request !== undefined ? [["keep"] as const] : []),
    ...(health === undefined ? [] : [["health", health.interval, health.startInterval, health.startPeriod, ...health.command] as const]),
    ...(stdio.kind === "monitor" && stdio.log !== undefined
      ? [["log", stdio.log.format, stdio.log.path, stdio.log.maxSize ?? 0, stdio.log.maxFiles ?? 1] as const]
      : []),
    ...(exitCommand === undefined ? [] : [["exit-command", ...exitCommand] as const]),
    ...(exitCommand === undefined && health === undefined
      ? []
      : [["exit-environment", ...Object.entries(input.environment).map(([name, value]) => `${name}=${value}`)] as const]),
  ];
}

function lowerTerminal(process: ProcessSpec, console: boolean): readonly Operation[] {
  if (process.terminal !== true) return [];
  return [["terminal", process.consoleSize?.width ?? 0, process.consoleSize?.height ?? 0, console ? 1 : 0]];
}

function lowerSysctls(spec: Spec): readonly Operation[] {
  return Object.entries(spec.linux?.sysctl ?? {}).map(([name, value]): Operation => ["proc", sysctlPath(name), value]);
}

const SYSCTL = /^[a-z0-9_-]+([./][A-Za-z0-9_.@:-]+)+$/;

/** @throws {RuntimeError} `SPEC_INVALID` for one that would change the host */
function sysctlPath(name: string): string {
  const isNamespaced = /^(net\.|fs\.mqueue\.)/.test(name) || /^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname)$/.test(name);
  if (!isNamespaced || !SYSCTL.test(name) || name.includes(".."))
    throw new RuntimeError("SPEC_INVALID", `Cannot set sysctl ${JSON.stringify(name)}: it is not the container's own`);
  return `/proc/sys/${name.replaceAll(/[./]/g, (mark) => (mark === "." ? "/" : "."))}`;
}
