/** Pure: a seccomp profile file as docker, containerd and podman share it, for one container: rules that its capabilities, this
 * architecture and this kernel let apply. Spec: runtime-spec 1.2, config-linux.md, "Seccomp"; docker's `includes`, `excludes` and `archMap`. */
import { RuntimeError } from "../../errors.ts";
import type { SeccompSpec } from "../../spec.ts";

type Rule = NonNullable<SeccompSpec["syscalls"]>[number];

export interface Machine {
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
  /** As Go names it, for that is what profiles say: amd64, arm64. */
  readonly architecture: string;
  /** `6.1.0-18-amd64`. */
  readonly kernel: string;
}

interface Filter {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule extends Omit<Rule, "names"> {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly includes?: Filter;
  readonly excludes?: Filter;
}

interface Profile extends Omit<SeccompSpec, "syscalls"> {
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[] | null;
  readonly syscalls?: readonly ProfileRule[] | null;
  readonly listenerPath?: string;
}

const SCMP_ARCH: Readonly<Record<string, string>> = { amd64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

/** @throws {RuntimeError} `SPEC_INVALID` for what is no profile, `UNSUPPORTED` for the notify action */
export function readProfile(text: string, machine: Machine): SeccompSpec {
  const profile = parse(text);
  const rules = profile.syscalls ?? [];
  const asksNotify = [profile.defaultAction, ...rules.map((rule) => rule.action)].includes("SCMP_ACT_NOTIFY");
  if (asksNotify || profile.listenerPath !== undefined)
    throw new RuntimeError("UNSUPPORTED", "Cannot load the seccomp profile: strata does not support SCMP_ACT_NOTIFY, for nobody would answer");
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architectures(profile, machine),
    ...(profile.flags !== undefined && { flags: profile.flags }),
    syscalls: rules.flatMap((rule) => (applies(rule, machine) ? [plainRule(rule)] : [])),
  };
}

function parse(text: string): Profile {
  const refuse = (why: string, cause?: unknown): never => {
    throw new RuntimeError("SPEC_INVALID", `Cannot read the seccomp profile: ${why}`, { cause });
  };
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error), error);
  }
  if (typeof profile !== "object" || profile === null || typeof (profile as Profile).defaultAction !== "string") refuse("it has no defaultAction");
  const { syscalls } = profile as Profile;
  if (syscalls !== undefined && syscalls !== null && !Array.isArray(syscalls)) refuse("its syscalls are no list");
  const broken = (syscalls ?? []).findIndex((rule) => typeof rule.action !== "string" || (rule.name === undefined && !Array.isArray(rule.names)));
  if (broken >= 0) refuse(`rule ${broken + 1} names no system call or no action`);
  return profile as Profile;
}

function architectures(profile: Profile, { architecture }: Machine): readonly string[] {
  if (profile.architectures !== undefined) return profile.architectures;
  const native = SCMP_ARCH[architecture];
  const mapped = profile.archMap?.find((one) => one.architecture === native);
  return mapped === undefined ? [] : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
}

/** All of `includes` must hold, none of `excludes`; of a list of architectures or excluded capabilities one is enough. */
function applies({ includes = {}, excludes = {} }: ProfileRule, machine: Machine): boolean {
  const { capabilities, architecture, kernel } = machine;
  const isIncluded =
    (includes.arches ?? [architecture]).includes(architecture) &&
    (includes.caps ?? []).every((name) => capabilities.includes(name)) &&
    (includes.minKernel === undefined || isAtLeast(kernel, includes.minKernel));
  const isExcluded =
    (excludes.arches ?? []).includes(architecture) ||
    (excludes.caps ?? []).some((name) => capabilities.includes(name)) ||
    (excludes.minKernel !== undefined && isAtLeast(kernel, excludes.minKernel));
  return isIncluded && !isExcluded;
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [have, want] = [kernel, wanted].map((text) => text.split(/[.-]/, 2).map(Number));
  const [major = 0, minor = 0] = have ?? [];
  const [wantedMajor = 0, wantedMinor = 0] = want ?? [];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function plainRule({ name, names, action, errnoRet, args }: ProfileRule): Rule {
  return {
    names: names ?? (name === undefined ? [] : [name]),
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args !== undefined && args !== null && args.length > 0 && { args }),
  };
}
