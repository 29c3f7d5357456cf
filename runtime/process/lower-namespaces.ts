/** Pure: namespaces to make and to join, and the process that does it. */
import { RuntimeError } from "../errors.ts";
import type { NamespaceType, Spec } from "../spec.ts";
import { lowerEarly } from "./lower-mounts.ts";
import { mapText } from "./map-text.ts";
import { NAMESPACE_FLAGS } from "./namespace-flags.ts";
import type { Operation } from "./operation.ts";

export interface LoweredNamespaces {
  readonly operations: readonly Operation[];
  readonly newUser: boolean;
  readonly network: "own" | "joined" | "shared";
  readonly newCgroup: boolean;
}

/**
 * `sysctls` are written where they are permitted: by the joiner when the network is another's and the user is not, else by init.
 * @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED`
 */
export function lowerNamespaces(spec: Spec, rootless: boolean, sysctls: readonly Operation[]): LoweredNamespaces {
  const all = spec.linux?.namespaces ?? [];
  check(
    spec,
    all.map((one) => one.type),
  );
  const made = all.filter((one) => one.path === undefined).map((one) => one.type);
  const joined = all.flatMap(({ type, path }) => (path === undefined ? [] : [{ type, path }]));
  const newUser = made.includes("user");
  // a first process joins, a second one is the container's: pid, time and user namespaces take effect in children only
  const joiner = all.some((one) => one.type === "time") || joined.some((one) => one.type === "pid" || one.type === "user") || (newUser && joined.length > 0);
  const flags = made.filter((type) => type !== "cgroup" && type !== "time").reduce((bits, type) => bits | NAMESPACE_FLAGS[type], 0);
  const setns = joined
    .toSorted((one, other) => Number(one.type === "user") - Number(other.type === "user"))
    .map(({ type, path }): Operation => ["setns", path, NAMESPACE_FLAGS[type]]);
  const early = newUser && joined.some((one) => one.type === "network");
  const enter: readonly Operation[] = newUser
    ? [...(joiner ? [] : [["wait", "M"] as const]), ["become-root"]]
    : joined.some((one) => one.type === "user")
      ? [["become-root"]]
      : [];
  return {
    operations: [
      ...mapOperations(spec, newUser, rootless),
      ...(joiner
        ? ([["clone", 0, 1], ["groups"], ...setns, ...lowerTime(spec), ...(early ? [...sysctls, ...lowerEarly(spec)] : []), ["fork", flags]] as const)
        : ([["clone", flags, 0], ["groups"], ...setns] as const)),
      ...enter,
      ...(made.includes("network") ? [["loopback"] as const] : []),
      ...(early ? [] : sysctls),
    ],
    newUser,
    network: made.includes("network") ? "own" : joined.some((one) => one.type === "network") ? "joined" : "shared",
    newCgroup: made.includes("cgroup"),
  };
}

function check(spec: Spec, types: readonly NamespaceType[]): void {
  const refuse = (why: string): never => {
    throw new RuntimeError("SPEC_INVALID", `Cannot make the container's namespaces: ${why}`);
  };
  if (!types.includes("mount")) refuse("it has no mount namespace of its own");
  if (new Set(types).size !== types.length) refuse("a type is named twice");
  if (spec.hostname !== undefined && !types.includes("uts")) refuse("a hostname needs a uts namespace");
  const time = spec.linux?.namespaces?.find((one) => one.type === "time");
  if (spec.linux?.timeOffsets !== undefined && (time === undefined || time.path !== undefined)) refuse("time offsets need a new time namespace");
  const user = spec.linux?.namespaces?.find((one) => one.type === "user");
  const mapped = (spec.linux?.uidMappings?.length ?? 0) > 0 && (spec.linux?.gidMappings?.length ?? 0) > 0;
  if (user !== undefined && user.path === undefined && !mapped) refuse("a user namespace needs uidMappings and gidMappings");
}

/** Its clocks can be set until the first process enters it. */
function lowerTime(spec: Spec): readonly Operation[] {
  if (spec.linux?.namespaces?.some((one) => one.type === "time" && one.path === undefined) !== true) return [];
  const offsets = Object.entries(spec.linux.timeOffsets ?? {}).map(([clock, { secs = 0, nanosecs = 0 }]) => {
    if ((clock !== "monotonic" && clock !== "boottime") || !Number.isSafeInteger(secs) || !Number.isSafeInteger(nanosecs))
      throw new RuntimeError("SPEC_INVALID", `Cannot set the clock ${JSON.stringify(clock)}: monotonic and boottime take whole seconds and nanoseconds`);
    return `${clock} ${secs} ${nanosecs}\n`;
  });
  const unshare: Operation = ["unshare", NAMESPACE_FLAGS.time];
  return offsets.length === 0 ? [unshare] : [unshare, ["proc", "/proc/self/timens_offsets", offsets.join("")]];
}

function mapOperations(spec: Spec, newUser: boolean, rootless: boolean): readonly Operation[] {
  if (!newUser) return [];
  return [["maps", mapText(spec.linux?.uidMappings), mapText(spec.linux?.gidMappings), rootless ? 1 : 0, spec.process?.oomScoreAdj ?? ""]];
}
