/** Furnishes each namespace; empties one that is being deleted, then lets it go. Spec: Kubernetes documentation, "Namespaces". */
import type { Cluster, Draft, KubeObject, ObjectKey, ResourceName } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { equal } from "../../schema/equal.ts";
import { nameOf } from "../../schema/resource.ts";
import { resources } from "../../schema/resources.ts";
import { formatTime } from "../clock.ts";
import { setCondition, type Condition } from "../conditions.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../collaborators.ts";
import { planConditions, type Content } from "./plan.ts";

const LOOK_AGAIN_MS = 250;

/** What every namespace has: the account that pods run as, and the authority that they trust. */
const ACCOUNT = "default";
const AUTHORITY = "kube-root-ca.crt";

/** `authority`: PEM of whoever signed the API server's certificate. */
export function namespaceController(room: Collaborators, authority: string): Controller {
  const own =
    (name: string) =>
    ({ object: { metadata } }: { readonly object: KubeObject }) =>
      metadata.name === name ? [{ namespace: undefined, name: metadata.namespace ?? "" }] : [];
  return {
    name: "namespace",
    watches: {
      namespaces: ({ type, object }) => (type === "DELETED" ? [] : [keyOf(object)]),
      serviceaccounts: own(ACCOUNT),
      configmaps: own(AUTHORITY),
    },
    reconcile: async (key) => await reconcile(key, room, authority),
  };
}

async function reconcile(key: ObjectKey, room: Collaborators, authority: string): Promise<Outcome | void> {
  const { cluster } = room;
  const namespace = cluster.get("namespaces", key);
  if (namespace === undefined) return;
  if (namespace.metadata.deletionTimestamp === undefined) return await furnish(cluster, key.name, authority);
  const { content, failed } = await empty(cluster, key.name);
  await tell(key, content, failed, room);
  if (content.size > 0) return { requeueAfter: LOOK_AGAIN_MS };
  await cluster.modify("namespaces", key, (current) => ({
    ...current,
    spec: { ...current.spec, finalizers: (current.spec?.finalizers ?? []).filter((one: string) => one !== "kubernetes") },
  }));
}

async function furnish(cluster: Cluster, namespace: string, authority: string): Promise<void> {
  const data = { "ca.crt": authority };
  await provide(cluster, "serviceaccounts", { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name: ACCOUNT } });
  await provide(cluster, "configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: AUTHORITY }, data });
  const stale = (map: KubeObject): boolean => !equal(map["data"], data);
  await cluster.modify("configmaps", { namespace, name: AUTHORITY }, (map) => (stale(map) ? { ...map, data } : map));
}

async function provide(cluster: Cluster, resource: ResourceName, draft: Draft): Promise<void> {
  const { namespace, name = "" } = draft.metadata;
  if (cluster.get(resource, { namespace, name }) !== undefined) return;
  try {
    await cluster.create(resource, draft);
  } catch (error) {
    if (!["AlreadyExists", "NotFound", "Forbidden"].some((reason) => hasReason(error, reason))) throw error; // someone else did, or the namespace is going
  }
}

/** Asks for the deletion of everything, owners before what they own; gives what is still there, and what could not be asked. */
async function empty(cluster: Cluster, namespace: string): Promise<{ readonly content: Content; readonly failed: readonly string[] }> {
  const content = new Map<ResourceName, readonly KubeObject[]>();
  const failed: string[] = [];
  for (const row of resources.filter(({ namespaced, verbs, conversion }) => namespaced && verbs.includes("delete") && conversion === undefined)) {
    const resource = nameOf(row);
    const staying = cluster.list(resource, namespace).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const asked = await Promise.allSettled(staying.map(async (object) => await cluster.delete(resource, keyOf(object), { propagationPolicy: "Background" })));
    failed.push(...asked.flatMap((one) => (one.status === "rejected" ? [messageOf(one.reason)] : [])));
    const left = cluster.list(resource, namespace);
    if (left.length > 0) content.set(resource, left);
  }
  return { content, failed };
}

async function tell(key: ObjectKey, content: Content, failed: readonly string[], { cluster, clock }: Collaborators): Promise<void> {
  const now = formatTime(clock.now());
  await cluster.modify(
    "namespaces",
    key,
    (current) => {
      const before: readonly Condition[] = current.status?.conditions ?? [];
      const conditions = planConditions(content, failed).reduce((list, one) => setCondition(list, one, now), before);
      const status = { ...current.status, phase: "Terminating", conditions };
      return equal(status, current.status) ? current : { ...current, status };
    },
    { status: true },
  );
}
