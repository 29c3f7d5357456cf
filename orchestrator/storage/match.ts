/** Which volume suits a claim. Decides, and does nothing. Spec: Kubernetes documentation, "Persistent Volumes", Binding. */
import type { KubeObject } from "../cluster.ts";
import { matchesTerms } from "../schema/node-selector.ts";
import { compareQuantities } from "../schema/quantity.ts";
import { matchesSelector } from "../schema/selector.ts";
import { capacityOf, classNameOf, requestOf } from "./claims.ts";

export interface MatchOptions {
  /** Only what this node reaches. */
  readonly node?: KubeObject;
  /** The claim waits for its first consumer: without a node only a volume reserved for it counts. */
  readonly delayed?: boolean;
  /** Names of volumes that are spoken for. */
  readonly taken?: ReadonlySet<string>;
}

/** Reserved for this very claim, or for the one of its name when the user wrote no uid. */
export function isReservedFor({ spec }: KubeObject, { metadata }: KubeObject): boolean {
  const reference = spec?.claimRef;
  if (reference === undefined || reference.name !== metadata.name || reference.namespace !== metadata.namespace) return false;
  return (reference.uid ?? "") === "" || reference.uid === metadata.uid;
}

/** A volume reserved for the claim first; else of those with the fewest access modes to spare the smallest. */
export function findVolume(claim: KubeObject, volumes: readonly KubeObject[], options: MatchOptions = {}): KubeObject | undefined {
  const fitting = volumes.filter(
    (volume) =>
      volume.metadata.deletionTimestamp === undefined && options.taken?.has(volume.metadata.name) !== true && mismatch(claim, volume, false) === undefined,
  );
  const reached = (volume: KubeObject): boolean => options.node === undefined || reachesNode(volume, options.node);
  const reserved = fitting.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined) return reached(reserved) ? reserved : undefined;
  if (options.delayed === true && options.node === undefined) return undefined;
  return fitting.filter((volume) => isFree(volume) && wants(claim, volume) && reached(volume)).toSorted(tightest)[0];
}

/** Why the volume that a claim names cannot be had; undefined when it can. `withClass`: the user named it, so the class is checked too. */
export function mismatch(claim: KubeObject, volume: KubeObject, withClass = true): string | undefined {
  if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return "requested PV is too small";
  if (withClass && (classNameOf(volume) ?? "") !== (classNameOf(claim) ?? "")) return "storageClassName does not match";
  if ((volume.spec.volumeMode ?? "Filesystem") !== (claim.spec.volumeMode ?? "Filesystem")) return "incompatible volumeMode";
  const modes: readonly string[] = volume.spec.accessModes ?? [];
  return (claim.spec.accessModes ?? []).every((mode: string) => modes.includes(mode)) ? undefined : "incompatible accessMode";
}

/** By the volume's node affinity; one without is reached from everywhere. */
export function reachesNode({ spec }: KubeObject, node: KubeObject): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || matchesTerms(terms, node);
}

function isFree({ spec, status }: KubeObject): boolean {
  return spec.claimRef === undefined && status?.phase === "Available";
}

function wants(claim: KubeObject, volume: KubeObject): boolean {
  const { selector } = claim.spec;
  if (selector !== undefined && !matchesSelector(selector, volume.metadata.labels ?? {})) return false;
  return (classNameOf(volume) ?? "") === (classNameOf(claim) ?? "");
}

function tightest(left: KubeObject, right: KubeObject): number {
  const spare = (left.spec.accessModes ?? []).length - (right.spec.accessModes ?? []).length;
  return spare || compareQuantities(capacityOf(left), capacityOf(right)) || (left.metadata.name < right.metadata.name ? -1 : 1);
}
