/** Build arguments before the first FROM: the automatic ones and the global ARGs. Spec: Dockerfile reference, "ARG", "Automatic platform ARGs". */
import type { Platform } from "../../store/oci.ts";
import type { Directives, InstructionOf } from "../dockerfile/instruction.ts";
import { substitute } from "../dockerfile/substitute.ts";
import { EPOCH_ARG, meantEpoch } from "../epoch.ts";
import { formatPlatform } from "../../store/image/platform.ts";

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/** Not given to programs, also when they are declared: they only steer the build. */
const STEERING = new Set(["BUILDKIT_SBOM_SCAN_STAGE", "BUILDKIT_SBOM_SCAN_CONTEXT"]);

export function isSteering(name: string): boolean {
  return STEERING.has(name);
}

/** Arguments that need no ARG. */
export function isPredefined(name: string): boolean {
  return PROXIES.includes(name.toUpperCase()) || name.startsWith("BUILDKIT_") || name === EPOCH_ARG;
}

/** Proxy settings as programs look for them, in capitals and small. */
export function proxyVariables(buildArgs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of buildArgs) {
    const upper = name.toUpperCase();
    if (PROXIES.includes(upper)) for (const spelled of [upper, upper.toLowerCase()]) found.set(spelled, value);
  }
  return found;
}

export interface GlobalArgs {
  readonly values: ReadonlyMap<string, string>;
  /** Names of the ARGs written before the first FROM. */
  readonly declared: ReadonlySet<string>;
}

export function automaticArgs(target: Platform, build: Platform, targetStage: string): ReadonlyMap<string, string> {
  const of = (prefix: string, platform: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform["os.version"] ?? ""],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ""],
  ];
  return new Map([...of("TARGET", target), ...of("BUILD", build), ["TARGETSTAGE", targetStage]]);
}

/** In order: a later ARG sees the ones before it, also within one line. */
export function globalArgs(
  instructions: readonly InstructionOf<"ARG">[],
  automatic: ReadonlyMap<string, string>,
  buildArgs: ReadonlyMap<string, string>,
  escape: Directives["escape"],
  contextTime?: number,
): GlobalArgs {
  const values = new Map(automatic);
  for (const [name, value] of buildArgs) if (automatic.has(name)) values.set(name, value);
  const declared = new Set<string>();
  for (const { name, value } of instructions.flatMap((instruction) => instruction.args)) {
    const given = buildArgs.get(name) ?? (value === undefined ? undefined : substitute(value, values, { escape }).text);
    const meant = given !== undefined && name === EPOCH_ARG ? meantEpoch(given, contextTime) : given;
    if (meant !== undefined) values.set(name, meant);
    declared.add(name);
  }
  return { values, declared };
}
