/** A container of a pod in the engine's terms. Decides, and does nothing. */
import type { ContainerOptions, MountRequest } from "../../runtime/engine.ts";
import type { Limits } from "../../runtime/limits.ts";
import type { KubeObject } from "../cluster.ts";
import { DOMAIN } from "../dns/zone.ts";
import { milliOf, wholeOf } from "../schema/quantity.ts";
import { expand } from "./environment/environment.ts";
import { StartError } from "./errors.ts";
import type { ClaimedVolume } from "./volumes/claimed-volume.ts";
import { instanceLabels } from "./instance-labels.ts";
import { oomScore, type NodeMemory } from "./oom-score.ts";
import type { PodFolders } from "./pod-folder.ts";
import { securityOf, type SecurityInput } from "./container-security.ts";
import { hostnameOf, specOf, type ContainerSpec, type PodSpec, type ResourceNeeds, type VolumeMount } from "./pod-spec.ts";
import type { Resolver } from "./resolver.ts";
import { checkedSubPath } from "./volumes/sub-path.ts";
import { volumePath } from "./volumes/volumes.ts";

export interface ContainerInput extends SecurityInput {
  readonly environment: ReadonlyMap<string, string>;
  readonly attempt: number;
  readonly backoff: number;
  readonly folders: PodFolders;
  /** @default none */
  readonly claimed?: readonly ClaimedVolume[];
  readonly node: NodeMemory;
  /** Container whose process namespace it joins. */
  readonly processes?: string;
  /** What stands in /etc/resolv.conf. */
  readonly resolver: Resolver;
}

/** As upstream's kubelet has them: `containerLogMaxSize` and `containerLogMaxFiles`. */
const LOG_BYTES = 10 * 1024 * 1024;
const LOG_FILES = 5;

/** @throws {StartError} `CreateContainerConfigError` */
export function containerOptions(input: ContainerInput): ContainerOptions {
  const { pod, container, image, environment, attempt, folders } = input;
  const { namespace, name, uid } = pod.metadata;
  const spec = specOf(pod);
  return {
    image,
    name: `k8s_${container.name}_${name}_${namespace}_${uid}_${attempt}`,
    ...commandOf(container, environment),
    env: [...environment].map(([key, value]) => `${key}=${value}`),
    ...(container.workingDir === undefined ? {} : { cwd: container.workingDir }),
    ...securityOf(input),
    healthcheck: { Test: ["NONE"] }, // a pod has probes; Kubernetes passes over the image's own check
    tty: container.tty ?? false,
    openStdin: container.stdin ?? false,
    ...(spec.hostNetwork === true ? {} : { hostname: hostnameOf(pod) }),
    labels: instanceLabels(input),
    mounts: mountsOf(input),
    limits: limitsOf(container.resources ?? {}, pod.status?.qosClass, input.node),
    network: { kind: "sandbox", id: uid },
    extraHosts: (spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }) => hostnames.map((host) => `${host}:${ip}`)),
    ...namespacesOf(spec, input.processes),
    ...domainOf(pod),
    dns: { ...input.resolver, exact: true },
    stopTimeout: spec.terminationGracePeriodSeconds ?? 30,
    log: { path: folders.log(uid, container.name, attempt), format: "cri", maxSize: LOG_BYTES, maxFiles: LOG_FILES },
  };
}

function namespacesOf({ hostPID, hostIPC }: PodSpec, processes: string | undefined): Pick<ContainerOptions, "pidMode" | "ipcMode"> {
  return {
    ...(hostPID === true ? { pidMode: "host" } : processes === undefined ? {} : { pidMode: { container: processes } }),
    ...(hostIPC === true ? { ipcMode: "host" } : {}),
  };
}

/** `command` replaces the entrypoint and the image's arguments; `args` alone replaces those arguments. */
function commandOf({ command, args }: ContainerSpec, environment: ReadonlyMap<string, string>): Pick<ContainerOptions, "entrypoint" | "command"> {
  const expanded = (list: readonly string[]): readonly string[] => list.map((text) => expand(text, environment));
  if (command !== undefined && command.length > 0) return { entrypoint: expanded(command), command: expanded(args ?? []) };
  return args === undefined || args.length === 0 ? {} : { command: expanded(args) };
}

/** Quota from the cpu limit, weight from the request; memory without swap. */
export function limitsOf({ limits = {}, requests = {} }: ResourceNeeds, qos: string | undefined, node: NodeMemory): Limits {
  const cpu = limits["cpu"] === undefined ? 0 : milliOf(limits["cpu"]);
  const share = milliOf(requests["cpu"] ?? limits["cpu"] ?? 0);
  const memory = limits["memory"] === undefined ? 0 : wholeOf(limits["memory"]);
  return {
    ...(cpu === 0 ? {} : { cpuPeriod: 100_000, cpuQuota: Math.max(1000, cpu * 100) }),
    cpuShares: Math.max(2, Math.floor((share * 1024) / 1000)),
    ...(memory === 0 ? {} : { memory, memorySwap: memory }),
    oomScoreAdj: oomScore(qos, wholeOf(requests["memory"] ?? 0), node),
  };
}

function mountsOf({ pod, container, environment, attempt, folders, claimed = [] }: ContainerInput): readonly MountRequest[] {
  const volumes = specOf(pod).volumes ?? [];
  const mounts = (container.volumeMounts ?? []).map((mount): MountRequest => {
    const volume = volumes.find(({ name }) => name === mount.name);
    if (volume === undefined) throw new StartError("CreateContainerConfigError", `volume "${mount.name}" not found`);
    const claim = claimed.find(({ name }) => name === mount.name);
    const source = claim?.path ?? volumePath(pod, volume, folders);
    const subPath = checkedSubPath(source, wantedSubPath(mount, environment));
    const readOnly =
      mount.readOnly === true ||
      claim?.readOnly === true ||
      volume.secret !== undefined ||
      volume.configMap !== undefined ||
      volume.downwardAPI !== undefined ||
      volume.projected !== undefined;
    return {
      kind: "bind",
      source,
      ...(subPath === undefined ? {} : { subPath }),
      target: mount.mountPath,
      readOnly,
      ...propagationOf(mount),
      create: volume.emptyDir !== undefined || claim !== undefined || (volume.hostPath?.type ?? "") === "",
    };
  });
  const termination = {
    kind: "bind",
    source: folders.termination(pod.metadata.uid, container.name, attempt),
    target: container.terminationMessagePath ?? "/dev/termination-log",
  } as const;
  return [...mounts, termination];
}

function propagationOf({ mountPropagation }: VolumeMount): { readonly propagation?: string } {
  if (mountPropagation === "HostToContainer") return { propagation: "rslave" };
  return mountPropagation === "Bidirectional" ? { propagation: "rshared" } : {};
}

function wantedSubPath({ subPath: plain = "", subPathExpr }: VolumeMount, environment: ReadonlyMap<string, string>): string {
  return subPathExpr === undefined ? plain : expand(subPathExpr, environment);
}

/** A pod of a headless service has a full name. */
function domainOf(pod: KubeObject): Pick<ContainerOptions, "domain"> {
  const { subdomain, hostNetwork } = specOf(pod);
  return subdomain === undefined || subdomain === "" || hostNetwork === true ? {} : { domain: `${subdomain}.${pod.metadata.namespace}.svc.${DOMAIN}` };
}
