/** The claims for storage of a StatefulSet's pods: which there are, and whose end is theirs. Spec: Kubernetes documentation, "StatefulSets: PersistentVolumeClaim retention". */
import type { Draft, KubeObject, OwnerReference } from "../../cluster.ts";
import { controllerOf, controllerReference } from "../owner.ts";

type Volume = { readonly name: string } & Readonly<Record<string, unknown>>;

/** What retention depends on besides the set's policy. */
export interface Holder {
  readonly name: string;
  /** Absent for a pod that is still to be made. */
  readonly pod?: KubeObject;
  /** The pod is beyond what the set wants. */
  readonly condemned: boolean;
}

export function claimNames(set: KubeObject, ordinal: number): readonly string[] {
  return templatesOf(set).map((template) => claimName(set, template, ordinal));
}

/** Whether an object is named like a claim of this set; another set's may be too. */
export function isClaimOf(set: KubeObject, { metadata }: KubeObject): boolean {
  return templatesOf(set).some((template) => metadata.name.startsWith(`${template.metadata.name}-${set.metadata.name}-`));
}

/** Those of the template with the claims among them; a claim takes the place of a volume of its name. */
export function claimVolumes(set: KubeObject, ordinal: number, volumes: readonly Volume[]): readonly Volume[] {
  const claims = templatesOf(set).map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  return [...claims, ...volumes.filter(({ name }) => !claims.some((claim) => claim.name === name))];
}

/** Claims that are not there yet. */
export function draftClaims(set: KubeObject, ordinal: number, existing: ReadonlyMap<string, KubeObject>, holder: Holder): readonly Draft[] {
  return templatesOf(set)
    .filter((template) => !existing.has(claimName(set, template, ordinal)))
    .map((template) => {
      const { labels, annotations } = template.metadata;
      const ownerReferences = ownersOf(set, [], holder);
      return {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: {
          name: claimName(set, template, ordinal),
          ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
          labels: { ...labels, ...set.spec.selector.matchLabels },
          ...(annotations === undefined ? {} : { annotations }),
          ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
        },
        spec: template.spec,
      };
    });
}

/** The claim with the owners that the policy asks for; the same object when it has them, or when a stranger controls it. */
export function retained(set: KubeObject, claim: KubeObject, holder: Holder): KubeObject {
  const held = claim.metadata.ownerReferences ?? [];
  const controller = controllerOf(claim);
  if (controller !== undefined && !isOurs(set, controller, holder)) return claim;
  const wanted = ownersOf(set, held, holder);
  if (wanted.length === held.length && wanted.every(({ uid }) => held.some((owner) => owner.uid === uid))) return claim;
  const { ownerReferences: _, ...metadata } = claim.metadata;
  return { ...claim, metadata: wanted.length === 0 ? metadata : { ...metadata, ownerReferences: wanted } };
}

/** Still owned by an earlier pod of the name: it goes with that one, and a new pod must not use it. */
export function isStale(claim: KubeObject, { name, pod }: Holder): boolean {
  return (claim.metadata.ownerReferences ?? []).some((owner) => owner.kind === "Pod" && owner.name === name && owner.uid !== pod?.metadata.uid);
}

function ownersOf(set: KubeObject, held: readonly OwnerReference[], holder: Holder): readonly OwnerReference[] {
  const { whenDeleted = "Retain", whenScaled = "Retain" } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  const withPod = whenScaled === "Delete" && holder.condemned && holder.pod !== undefined;
  const withSet = whenDeleted === "Delete" && !withPod;
  return [
    ...held.filter((owner) => !isOurs(set, owner, holder)),
    ...(withSet ? [controllerReference(set)] : []),
    ...(withPod && holder.pod !== undefined ? [controllerReference(holder.pod)] : []),
  ];
}

function isOurs(set: KubeObject, owner: OwnerReference, { name }: Holder): boolean {
  return owner.uid === set.metadata.uid || (owner.kind === "Pod" && owner.name === name);
}

function templatesOf({ spec }: KubeObject): readonly KubeObject[] {
  return spec.volumeClaimTemplates ?? [];
}

function claimName(set: KubeObject, template: KubeObject, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}
