/** The types of config.json's properties: a number where a list must stand is told by name, not met as a surprise later. Spec: runtime-spec 1.2, schema. */
import { RuntimeError } from "../../runtime/errors.ts";

type Shape = "string" | "number" | "boolean" | readonly [Shape] | { readonly [name: string]: Shape };

const WORDS: Shape = ["string"];
/** Of a map whose keys are names: any of them. */
const ANY = "*";
const MAPS: Shape = [{ containerID: "number", hostID: "number", size: "number" }];
const RATES: Shape = [{ major: "number", minor: "number", rate: "number" }];
const HOOKS: Shape = { [ANY]: [{ path: "string", args: WORDS, env: WORDS, timeout: "number" }] };

const PROCESS: Shape = {
  terminal: "boolean",
  consoleSize: { height: "number", width: "number" },
  user: { uid: "number", gid: "number", umask: "number", additionalGids: ["number"] },
  args: WORDS,
  env: WORDS,
  cwd: "string",
  capabilities: { [ANY]: WORDS },
  rlimits: [{ type: "string", hard: "number", soft: "number" }],
  noNewPrivileges: "boolean",
  apparmorProfile: "string",
  oomScoreAdj: "number",
  scheduler: { policy: "string", nice: "number", priority: "number", flags: WORDS, runtime: "number", deadline: "number", period: "number" },
  selinuxLabel: "string",
  ioPriority: { class: "string", priority: "number" },
  execCPUAffinity: { initial: "string", final: "string" },
};

const RESOURCES: Shape = {
  devices: [{ allow: "boolean", type: "string", major: "number", minor: "number", access: "string" }],
  memory: {
    limit: "number",
    reservation: "number",
    swap: "number",
    kernel: "number",
    kernelTCP: "number",
    swappiness: "number",
    disableOOMKiller: "boolean",
    useHierarchy: "boolean",
    checkBeforeUpdate: "boolean",
  },
  cpu: {
    shares: "number",
    quota: "number",
    burst: "number",
    period: "number",
    realtimeRuntime: "number",
    realtimePeriod: "number",
    cpus: "string",
    mems: "string",
    idle: "number",
  },
  pids: { limit: "number" },
  blockIO: {
    weight: "number",
    weightDevice: [{ major: "number", minor: "number", weight: "number" }],
    throttleReadBpsDevice: RATES,
    throttleWriteBpsDevice: RATES,
    throttleReadIOPSDevice: RATES,
    throttleWriteIOPSDevice: RATES,
  },
  hugepageLimits: [{ pageSize: "string", limit: "number" }],
  network: { classID: "number", priorities: [{ name: "string", priority: "number" }] },
  rdma: { [ANY]: { hcaHandles: "number", hcaObjects: "number" } },
  unified: { [ANY]: "string" },
};

const LINUX: Shape = {
  uidMappings: MAPS,
  gidMappings: MAPS,
  sysctl: { [ANY]: "string" },
  resources: RESOURCES,
  cgroupsPath: "string",
  namespaces: [{ type: "string", path: "string" }],
  devices: [{ path: "string", type: "string", major: "number", minor: "number", fileMode: "number", uid: "number", gid: "number" }],
  seccomp: {
    defaultAction: "string",
    defaultErrnoRet: "number",
    architectures: WORDS,
    flags: WORDS,
    syscalls: [{ names: WORDS, action: "string", errnoRet: "number", args: [{ index: "number", value: "number", valueTwo: "number", op: "string" }] }],
  },
  rootfsPropagation: "string",
  maskedPaths: WORDS,
  readonlyPaths: WORDS,
  mountLabel: "string",
  personality: { domain: "string", flags: WORDS },
  timeOffsets: { [ANY]: { secs: "number", nanosecs: "number" } },
};

export const SPEC_SHAPE: Shape = {
  ociVersion: "string",
  process: PROCESS,
  root: { path: "string", readonly: "boolean" },
  hostname: "string",
  domainname: "string",
  mounts: [{ destination: "string", type: "string", source: "string", options: WORDS, uidMappings: MAPS, gidMappings: MAPS }],
  hooks: HOOKS,
  annotations: { [ANY]: "string" },
  linux: LINUX,
};
export const PROCESS_SHAPE = PROCESS;
export const RESOURCES_SHAPE = RESOURCES;

/** Properties that `shape` does not know are of other versions, and pass. @throws {RuntimeError} `SPEC_INVALID` */
export function checkShape(value: unknown, shape: Shape, name: string, file: string): void {
  if (value === undefined) return;
  if (typeof shape === "string") {
    if (typeof value !== shape) refuse(value, name, `a ${shape}`, file);
    return;
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) refuse(value, name, "a list", file);
    else for (const [index, item] of value.entries()) checkShape(item, shape[0], `${name}[${index}]`, file);
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(value, name, "an object", file);
  for (const [key, inner] of Object.entries(value)) {
    const known = Object.hasOwn(shape, key) ? shape[key] : shape[ANY]; // an annotation may be called `constructor`
    if (known !== undefined) checkShape(inner, known, name === "" ? key : `${name}.${key}`, file);
  }
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function refuse(value: unknown, name: string, wanted: string, file: string): never {
  throw new RuntimeError("SPEC_INVALID", `Cannot read ${file}: ${name === "" ? "it" : name} is ${JSON.stringify(value).slice(0, 80)}, not ${wanted}`);
}
