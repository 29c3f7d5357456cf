/** Gathers what `generate` needs: accounts from the container's own files, devices and limits from this machine. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import type { ActiveSnapshot, MergedView } from "../../store/store.ts";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../defaults.ts";
import type { ContainerRecord } from "../engine.ts";
import { CAPABILITIES } from "../process/capabilities.ts";
import type { SeccompSpec, Spec } from "../spec.ts";
import { grantedCapabilities } from "./capabilities.ts";
import type { Flags } from "./configuration.ts";
import { filesOf, withView } from "./container-view.ts";
import { hostDevices } from "./devices.ts";
import { generate } from "./generate.ts";
import { hostnameOf, type IdentityFiles } from "./hosts.ts";
import type { Parts } from "./parts.ts";
import { procMounts } from "./proc/mounts.ts";
import { ownLimits } from "./rlimits.ts";
import { getContainer, needLive } from "./status.ts";
import { type Account, relevantAccounts, resolveAccount } from "./user.ts";

/** A group may have some ten thousand members. */
const MAX_ACCOUNT_BYTES = 1 << 20;
const DEFAULTS = { mounts: DEFAULT_MOUNTS, maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS, deviceRules: DEFAULT_DEVICE_RULES };

export async function specOf(parts: Parts, record: ContainerRecord, files: IdentityFiles, active: ActiveSnapshot): Promise<Spec> {
  const { options } = record;
  const [account, devices, joined] = await Promise.all([
    withView(parts, active, async (view) => await accountIn(view, record.config.User ?? "", options)),
    hostDevices(options.devices ?? []),
    joinedNamespaces(parts, record),
  ]);
  const capabilities = capabilitiesOf(options);
  return generate({
    record,
    account,
    hostname: hostnameOf(parts, record),
    files,
    capabilities,
    seccomp: await seccompOf(options, capabilities),
    devices,
    joined,
    minder: parts.programs.minder,
    ownLimits: ownLimits(),
    procMounts: procMounts(parts, record),
    groups: isInUserNamespace() ? [[0, 0, 1]] : undefined,
    defaults: DEFAULTS,
  });
}

export function capabilitiesOf(options: Pick<Flags, "capAdd" | "capDrop" | "privileged">): readonly string[] {
  const own = ownCapabilities();
  return grantedCapabilities(
    own,
    DEFAULT_CAPABILITIES.filter((name) => own.includes(name)),
    { add: options.capAdd ?? [], drop: options.capDrop ?? [], privileged: options.privileged ?? false },
  );
}

/** What this process may hand on: its bounding set. */
function ownCapabilities(): readonly string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  const bits = BigInt(`0x${mask ?? "0"}`);
  return CAPABILITIES.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
}

/** @throws {RuntimeError} `USER_UNKNOWN` */
export async function accountOf(parts: Parts, record: ContainerRecord, user: string): Promise<Account> {
  return await withView(parts, await filesOf(parts, record), async (view) => await accountIn(view, user, record.options));
}

async function accountIn(view: MergedView, user: string, { groupAdd, numericUser }: Flags): Promise<Account> {
  const { passwd, group } = relevantAccounts(user, view.lines("/etc/passwd", MAX_ACCOUNT_BYTES), view.lines("/etc/group", MAX_ACCOUNT_BYTES), groupAdd);
  return await Promise.resolve(resolveAccount(user, passwd, group, groupAdd, numericUser));
}

async function joinedNamespaces(parts: Parts, record: ContainerRecord): Promise<{ readonly pid?: string; readonly ipc?: string }> {
  const { pidMode, ipcMode } = record.options;
  const pathOf = async (reference: string, kind: "pid" | "ipc"): Promise<string> =>
    `/proc/${needLive(await getContainer(parts, reference), `join the ${kind} namespace of`).status.pid}/ns/${kind}`;
  return {
    ...(typeof pidMode === "object" && { pid: await pathOf(pidMode.container, "pid") }),
    ...(typeof ipcMode === "object" && { ipc: await pathOf(ipcMode.container, "ipc") }),
  };
}

/** A profile other than `default` and `unconfined` is its JSON text; one that was asked for holds for a privileged container too. */
async function seccompOf(options: Flags, capabilities: readonly string[]): Promise<SeccompSpec | undefined> {
  const wanted = options.seccomp ?? "default";
  if (wanted === "unconfined" || (wanted === "default" && options.privileged === true)) return undefined;
  if (wanted !== "default") {
    const { readProfile } = await import("../process/seccomp/profile.ts");
    return readProfile(wanted, { capabilities, architecture: process.arch === "x64" ? "amd64" : process.arch, kernel: release() });
  }
  const { defaultSeccomp } = await import("../process/seccomp/default-profile.ts");
  return defaultSeccomp(capabilities);
}
