/** The Node object of this machine: what it has, and that it is well. */
import { readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, hostname, networkInterfaces, platform, release, totalmem } from "node:os";
import type { KubeObject } from "../cluster.ts";
import type { Condition } from "../controllers/conditions.ts";
import { setCondition } from "../controllers/conditions.ts";
import { RUNTIME } from "./container-status.ts";

/** Most pods on one node, as upstream has it. */
const MAX_PODS = 110;

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  readonly version: string;
  readonly runtimeVersion: string;
  /** A folder on the disk that pods write to. */
  readonly data: string;
}

/** The machine's first address that others can reach, or loopback. */
export function nodeAddress(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })));
  return (
    all.find(({ family, internal, name }) => family === "IPv4" && !internal && !/^(?:strata|docker|podman|cni|veth|br-)/.test(name))?.address ?? "127.0.0.1"
  );
}

export function nodeLabels(name: string): Readonly<Record<string, string>> {
  return {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": platform(),
    "kubernetes.io/arch": goArchitecture(),
    "node-role.kubernetes.io/control-plane": "",
  };
}

export function nodeStatus(facts: NodeFacts, before: KubeObject["status"], now: string): Readonly<Record<string, unknown>> {
  const resources = capacity(facts.data);
  return {
    ...before,
    capacity: resources,
    allocatable: resources,
    conditions: CONDITIONS.reduce<readonly Condition[]>(
      (conditions, condition) => setCondition(conditions, { ...condition, lastHeartbeatTime: now } as Condition, now),
      before?.conditions ?? [],
    ),
    addresses: [
      { type: "InternalIP", address: facts.address },
      { type: "Hostname", address: facts.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {
      machineID: readText("/etc/machine-id"),
      systemUUID: readText("/sys/class/dmi/id/product_uuid"),
      bootID: readText("/proc/sys/kernel/random/boot_id"),
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(readText("/etc/os-release"))?.[1] ?? "Linux",
      containerRuntimeVersion: `${RUNTIME}://${facts.runtimeVersion}`,
      kubeletVersion: facts.version,
      kubeProxyVersion: facts.version,
      operatingSystem: platform(),
      architecture: goArchitecture(),
    },
  };
}

const CONDITIONS: readonly Condition[] = [
  { type: "MemoryPressure", status: "False", reason: "KubeletHasSufficientMemory", message: "kubelet has sufficient memory available" },
  { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure", message: "kubelet has no disk pressure" },
  { type: "PIDPressure", status: "False", reason: "KubeletHasSufficientPID", message: "kubelet has sufficient PID available" },
  { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
];

function capacity(data: string): Readonly<Record<string, string>> {
  const { bsize, blocks } = statfsSync(data);
  return {
    cpu: String(availableParallelism()),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(MAX_PODS),
    "ephemeral-storage": `${Math.floor((bsize * blocks) / 1024)}Ki`,
  };
}

/** Empty when it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function goArchitecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}

export function defaultNodeName(): string {
  return hostname().toLowerCase();
}
