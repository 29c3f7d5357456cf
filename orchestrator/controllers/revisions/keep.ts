/** Keeps the history of a StatefulSet or DaemonSet in the cluster. The shell around `planRevision`. */
import type { Cluster, KubeObject } from "../../cluster.ts";
import { claimAll } from "../claim.ts";
import { hasReason, keyOf } from "../controller.ts";
import { holdsTemplate, planRevision, surplusRevisions, type RevisionOptions } from "./plan.ts";

const REVISIONS = "controllerrevisions.apps";

export interface History {
  /** Of the template as it is now. */
  readonly update: KubeObject;
  /** With `update`. */
  readonly revisions: readonly KubeObject[];
  /** For the owner's status. */
  readonly collisions: number;
}

/** Adopts what is the owner's, and makes sure that there is a revision of its template. */
export async function keepHistory(cluster: Cluster, owner: KubeObject, hashLabel: string): Promise<History> {
  const owned = await claimAll(cluster, REVISIONS, owner, cluster.list(REVISIONS, owner.metadata.namespace));
  let collisions: number = owner.status?.collisionCount ?? 0;
  for (;;) {
    const update = await keepRevision(cluster, owner, owned, { hashLabel, collisions });
    if (update !== undefined) return { update, revisions: [...owned.filter(({ metadata }) => metadata.uid !== update.metadata.uid), update], collisions };
    collisions++;
  }
}

/** Forgets what is beyond the owner's history limit; `live` names the revisions in use. */
export async function trimHistory(cluster: Cluster, owner: KubeObject, { revisions }: History, live: ReadonlySet<string>): Promise<void> {
  for (const revision of surplusRevisions(revisions, live, owner.spec.revisionHistoryLimit ?? 10)) {
    await cluster.delete(REVISIONS, keyOf(revision), { preconditions: { uid: revision.metadata.uid } });
  }
}

/** Undefined when another content holds the name. */
async function keepRevision(cluster: Cluster, owner: KubeObject, revisions: readonly KubeObject[], options: RevisionOptions): Promise<KubeObject | undefined> {
  const plan = planRevision(owner, revisions, options);
  if (plan.kind === "keep") return plan.revision;
  if (plan.kind === "renumber") return await cluster.update(REVISIONS, { ...plan.revision, revision: plan.number });
  try {
    return await cluster.create(REVISIONS, plan.draft);
  } catch (error) {
    if (!hasReason(error, "AlreadyExists")) throw error;
    const other = cluster.get(REVISIONS, { namespace: owner.metadata.namespace, name: String(plan.draft.metadata.name) });
    return other !== undefined && holdsTemplate(other, owner) ? other : undefined;
  }
}
