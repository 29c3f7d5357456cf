/** What a pod's claims mean for its place: which nodes reach its volumes, and which volumes are yet to be found or made. Decides, and does nothing. */
import type { Cluster, KubeObject } from "../cluster.ts";
import { isTerminal } from "../controllers/pods.ts";
import { compareQuantities } from "../schema/quantity.ts";
import { claimNameOf, claimNames, classNameOf, foreignClaim, isBound, requestOf } from "../storage/claims.ts";
import { allowsNode, isDelayed } from "../storage/classes.ts";
import { findVolume, reachesNode } from "../storage/match.ts";
import { CLAIMS, CLASSES, VOLUMES } from "../storage/names.ts";

export interface VolumeNeeds {
  /** Volumes of the claims that are bound. */
  readonly bound: readonly KubeObject[];
  /** Claims that wait for their first consumer. */
  readonly delayed: readonly KubeObject[];
  /** Nodes where another pod has a claim to itself. */
  readonly exclusive: ReadonlySet<string>;
  readonly volumes: readonly KubeObject[];
  readonly classes: readonly KubeObject[];
}

/** No node would do, for this reason. */
export interface Refused {
  readonly refused: string;
}

/** Undefined for a pod without claims. */
export function volumeNeeds(pod: KubeObject, cluster: Pick<Cluster, "get" | "list">): VolumeNeeds | Refused | undefined {
  const found: KubeObject[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = cluster.get(CLAIMS, { namespace: pod.metadata.namespace, name });
    const problem = problemOf(pod, claim, name, volume.ephemeral !== undefined);
    if (problem !== undefined) return { refused: problem };
    if (claim !== undefined) found.push(claim);
  }
  if (found.length === 0) return undefined;
  const [volumes, classes] = [cluster.list(VOLUMES), cluster.list(CLASSES)];
  const unbound = found.filter((claim) => !isBound(claim));
  const waits = (claim: KubeObject): boolean =>
    (claim.spec.volumeName ?? "") === "" && isDelayed(classes.find(({ metadata }) => metadata.name === classNameOf(claim)));
  if (!unbound.every(waits)) return { refused: "pod has unbound immediate PersistentVolumeClaims" };
  const names = new Set(found.filter(isBound).map(({ spec }) => spec.volumeName));
  const bound = volumes.filter(({ metadata }) => names.has(metadata.name));
  if (bound.length < names.size) return { refused: "one or more bound PersistentVolumeClaims have no PersistentVolume" };
  return { bound, delayed: unbound.toSorted(smallestFirst), exclusive: exclusiveNodes(pod, found, cluster), volumes, classes };
}

function problemOf(pod: KubeObject, claim: KubeObject | undefined, name: string, ephemeral: boolean): string | undefined {
  if (claim === undefined)
    return ephemeral ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"` : `persistentvolumeclaim "${name}" not found`;
  if (claim.status?.phase === "Lost") return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ""}"`;
  if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  return ephemeral ? foreignClaim(pod, claim) : undefined;
}

function smallestFirst(left: KubeObject, right: KubeObject): number {
  return compareQuantities(requestOf(left), requestOf(right)) || (left.metadata.name < right.metadata.name ? -1 : 1);
}

function exclusiveNodes(pod: KubeObject, claims: readonly KubeObject[], cluster: Pick<Cluster, "list">): ReadonlySet<string> {
  const single = claims.filter(({ spec }) => spec.accessModes?.includes("ReadWriteOncePod")).map(({ metadata }) => metadata.name);
  if (single.length === 0) return new Set();
  const others = cluster.list("pods", pod.metadata.namespace).filter(({ metadata, spec }) => metadata.uid !== pod.metadata.uid && spec.nodeName);
  return new Set(others.filter((other) => !isTerminal(other) && claimNames(other).some((name) => single.includes(name))).map(({ spec }) => spec.nodeName));
}

/** Why the node will not do; empty when it will. */
export function volumeObjections(needs: VolumeNeeds, node: KubeObject): readonly string[] {
  if (needs.exclusive.has(node.metadata.name)) return ["node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"];
  if (!needs.bound.every((volume) => reachesNode(volume, node))) return ["node(s) had volume node affinity conflict"];
  return planVolumes(needs, node) === undefined ? ["node(s) didn't find available persistent volumes to bind"] : [];
}

export interface VolumeChoice {
  readonly claim: KubeObject;
  /** Undefined: its provisioner shall make one. */
  readonly volume: KubeObject | undefined;
}

/** How each waiting claim gets its volume on this node; undefined when one cannot. */
export function planVolumes({ delayed, volumes, classes }: VolumeNeeds, node: KubeObject): readonly VolumeChoice[] | undefined {
  const taken = new Set<string>();
  const choices: VolumeChoice[] = [];
  for (const claim of delayed) {
    const volume = findVolume(claim, volumes, { node, taken });
    const storageClass = classes.find(({ metadata }) => metadata.name === classNameOf(claim));
    if (volume === undefined && !canProvision(storageClass, node)) return undefined;
    if (volume !== undefined) taken.add(volume.metadata.name);
    choices.push({ claim, volume });
  }
  return choices;
}

function canProvision(storageClass: KubeObject | undefined, node: KubeObject): boolean {
  return storageClass !== undefined && storageClass["provisioner"] !== "kubernetes.io/no-provisioner" && allowsNode(storageClass, node);
}
