/**
 * Pure: what a spec asks for that is refused by name before anything is made. Properties that no version of the specification knows are
 * ignored, as it demands. docs/runtime-spec.md lists every property.
 */
import { RuntimeError } from "../errors.ts";
import type { NamespaceType, Spec } from "../spec.ts";

/** Of other kernels, or without a counterpart in this one; the last word says why. */
const REFUSED: Readonly<Record<string, string>> = {
  solaris: "it is of another system",
  windows: "it is of another system",
  zos: "it is of another system",
  freebsd: "it is of another system",
  vm: "containers run on this kernel, not in virtual machines",
  "process.commandLine": "it is of another system: write process.args",
  "process.user.username": "it is of another system: write process.user.uid",
  "linux.intelRdt": "Intel's resource director is not supported",
  "linux.netDevices": "devices of the network are not moved: join a network namespace that has them",
  "linux.seccomp.listenerPath": "system calls are not handed to listeners",
  "linux.seccomp.listenerMetadata": "system calls are not handed to listeners",
  "linux.resources.memory.kernel": "kernels hold no such limit any more",
  "linux.resources.blockIO.leafWeight": "kernels have no such weight any more",
};

/** Parts of sysctl names, and the namespace without which they would be this machine's. */
const SYSCTL_OWNERS: readonly (readonly [pattern: RegExp, type: NamespaceType])[] = [
  [/^net[./]/, "network"],
  [/^fs[./]mqueue[./]/, "ipc"],
  [/^kernel[./]domainname$/, "uts"],
  [/^kernel[./]/, "ipc"],
];

/** @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function checkSpec(spec: Spec, version: 1 | 2): void {
  for (const [property, why] of Object.entries(REFUSED)) if (isAsked(valueAt(spec, property.split(".")))) refuse(property, why);
  checkResources(spec, version);
  checkNamespaces(spec);
  if (spec.linux?.rootfsPropagation !== undefined) propagationOf(spec.linux.rootfsPropagation);
}

const PROPAGATIONS: Readonly<Record<string, number>> = { private: 1 << 18, slave: 1 << 19, shared: 1 << 20, unbindable: 1 << 17 };
const RECURSIVE = 1 << 14;

/** mount(2) flags of `rshared`, `slave`… @throws {RuntimeError} `SPEC_INVALID` */
export function propagationOf(word: string): number {
  const flag = PROPAGATIONS[word.replace(/^r/, "")];
  if (flag === undefined) throw new RuntimeError("SPEC_INVALID", `Cannot set linux.rootfsPropagation ${JSON.stringify(word)}: there is no such propagation`);
  return word.startsWith("r") ? flag | RECURSIVE : flag;
}

function checkResources(spec: Spec, version: 1 | 2): void {
  const { cpu, memory, blockIO, network, unified } = spec.linux?.resources ?? {};
  const at = (name: string): string => `linux.resources.${name}`;
  for (const device of blockIO?.weightDevice ?? [])
    if (isAsked(valueAt(device, ["leafWeight"]))) refuse(at("blockIO.weightDevice.leafWeight"), "kernels have no such weight any more");
  if (memory?.useHierarchy === false) refuse(at("memory.useHierarchy"), "kernels count what is below in any case");
  for (const name of Object.keys(unified ?? {})) {
    if (version === 1) refuse(at("unified"), "this machine has cgroups of version 1");
    if (name.includes("/") || name.startsWith(".")) refuse(at("unified"), `${JSON.stringify(name)} is no name of a file`);
  }
  if (version === 1) return;
  const why = "cgroups of version 2 have no such limit";
  if (isAsked(cpu?.realtimePeriod)) refuse(at("cpu.realtimePeriod"), why);
  if (isAsked(cpu?.realtimeRuntime)) refuse(at("cpu.realtimeRuntime"), why);
  if (isAsked(memory?.kernelTCP)) refuse(at("memory.kernelTCP"), why);
  if (memory?.swappiness !== undefined) refuse(at("memory.swappiness"), why);
  if (memory?.disableOOMKiller === true) refuse(at("memory.disableOOMKiller"), why);
  if (isAsked(network?.classID)) refuse(at("network.classID"), why);
  if ((network?.priorities ?? []).length > 0) refuse(at("network.priorities"), why);
}

function checkNamespaces(spec: Spec): void {
  const types = new Set(spec.linux?.namespaces?.map((one) => one.type));
  if (spec.domainname !== undefined && spec.domainname !== "" && !types.has("uts"))
    throw new RuntimeError("SPEC_INVALID", "Cannot set domainname: the container has no uts namespace of its own");
  for (const name of Object.keys(spec.linux?.sysctl ?? {})) {
    const owner = SYSCTL_OWNERS.find(([pattern]) => pattern.test(name))?.[1];
    if (owner !== undefined && !types.has(owner))
      throw new RuntimeError("SPEC_INVALID", `Cannot set sysctl ${JSON.stringify(name)}: the container has no ${owner} namespace of its own`);
  }
}

/** What Go programs leave out or write as their zero is no wish. */
function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && value !== 0 && !(typeof value === "object" && Object.keys(value).length === 0);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (typeof inner === "object" && inner !== null ? (inner as Readonly<Record<string, unknown>>)[name] : undefined),
    value,
  );
}

function refuse(property: string, why: string): never {
  throw new RuntimeError("UNSUPPORTED", `Cannot honour ${property}: ${why}`);
}
