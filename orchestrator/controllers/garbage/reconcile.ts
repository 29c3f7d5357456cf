/** Removes what has lost its owners, and lets owners go when what they wait for is gone. The shell around `planGarbage`. */
import type { Cluster, KubeObject, OwnerReference, ResourceName, WatchEvent } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { nameOf } from "../../schema/resource.ts";
import { resourceOfKind, resources } from "../../schema/resources.ts";
import { systemClock, type Clock } from "../clock.ts";
import type { Recorder } from "../events.ts";
import { withoutFinalizer } from "../finalizers.ts";
import { findOwner } from "../find-owner.ts";
import { Loop } from "../loop.ts";
import { OwnerGraph, referenceTo, type Reference } from "./graph.ts";
import { FOREGROUND, ORPHAN, planGarbage, type GarbageAction } from "./plan.ts";

export interface GarbageOptions {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly clock?: Clock;
  readonly log?: (message: string) => void;
}

/** Kinds that are written often and owned by nobody. */
const IGNORED: ReadonlySet<ResourceName> = new Set(["events", "leases.coordination.k8s.io"]);

export function collectGarbage({ cluster, recorder, clock = systemClock, log }: GarbageOptions): AsyncDisposable {
  const graph = new OwnerGraph();
  const loop = new Loop({
    clock,
    workers: 8,
    reconcile: async (key) => await reconcile(JSON.parse(key) as Reference, { cluster, recorder }, graph),
    onError: (key, error) => log?.(`garbage ${key}: ${messageOf(error)}`),
  });
  const add = (reference: Reference): void => loop.add(JSON.stringify(reference));
  const watched = resources
    .filter(({ verbs }) => verbs.includes("watch"))
    .map(nameOf)
    .filter((name) => !IGNORED.has(name));
  const watches = watched.map((resource) => cluster.watch(resource, (event) => touched(cluster, graph, resource, event).forEach(add)));
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      for (const watch of watches) watch[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** The object itself, its dependents when it goes, and the owners that may wait for it. */
function touched(cluster: Cluster, graph: OwnerGraph, resource: ResourceName, event: WatchEvent): readonly Reference[] {
  const { type, object, previous } = event;
  graph.record(resource, event);
  const going = type === "DELETED" || (object.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined);
  const owners = [...(object.metadata.ownerReferences ?? []), ...(previous?.metadata.ownerReferences ?? [])];
  const waiting = owners.flatMap((owner) => {
    const found = findOwner(cluster, object, owner);
    return typeof found === "object" && found.metadata.deletionTimestamp !== undefined ? [referenceTo(resourceOf(owner) ?? "", found)] : [];
  });
  const concerned = owners.length > 0 || object.metadata.deletionTimestamp !== undefined;
  return [...(type !== "DELETED" && concerned ? [referenceTo(resource, object)] : []), ...(going ? graph.dependentsOf(object.metadata.uid) : []), ...waiting];
}

function resourceOf({ apiVersion, kind }: OwnerReference): ResourceName | undefined {
  const row = resourceOfKind(apiVersion, kind);
  return row && nameOf(row);
}

type Room = Pick<GarbageOptions, "cluster" | "recorder">;

async function reconcile(reference: Reference, room: Room, graph: OwnerGraph): Promise<void> {
  const { cluster } = room;
  const object = cluster.get(reference.resource, reference);
  if (object === undefined) return;
  const references = graph.dependentsOf(object.metadata.uid);
  const dependents = references.map((one) => cluster.get(one.resource, one)).filter((one) => one !== undefined);
  const action = planGarbage(object, { owner: (owner) => findOwner(cluster, object, owner), dependents });
  if (action?.kind === "delete" || action?.kind === "drop-owners") tellStrangers(object, room);
  if (action !== undefined) await act(action, reference, object, references, cluster);
}

/** Owners that are there, but elsewhere: whoever wrote the reference expected otherwise. */
function tellStrangers(object: KubeObject, { cluster, recorder }: Room): void {
  const { namespace, ownerReferences = [] } = object.metadata;
  for (const { apiVersion, kind, name, uid } of ownerReferences) {
    const stranger = cluster.list(resourceOf({ apiVersion, kind, name, uid }) ?? "").find(({ metadata }) => metadata.uid === uid);
    if (stranger === undefined || stranger.metadata.namespace === undefined || stranger.metadata.namespace === namespace) continue;
    const shown = `[${apiVersion}/${kind}, namespace: ${namespace ?? ""}, name: ${name}, uid: ${uid}]`;
    recorder.record(object, "Warning", "OwnerRefInvalidNamespace", `ownerRef ${shown} does not exist in namespace ${JSON.stringify(namespace ?? "")}`);
  }
}

async function act(action: GarbageAction, reference: Reference, object: KubeObject, dependents: readonly Reference[], cluster: Cluster): Promise<void> {
  const { uid } = object.metadata;
  switch (action.kind) {
    case "delete":
      return await cluster.delete(reference.resource, reference, { propagationPolicy: action.policy, preconditions: { uid } });
    case "drop-owners":
      return await dropOwners(cluster, reference, action.uids);
    case "delete-dependents":
      await Promise.all(dependents.map(async (one) => await deleteDependent(cluster, one, uid)));
      return;
    case "orphan-dependents":
      await Promise.all(dependents.map(async (one) => await dropOwners(cluster, one, [uid])));
      return await release(cluster, reference, ORPHAN);
    case "release":
      return await release(cluster, reference, action.finalizer === ORPHAN ? ORPHAN : FOREGROUND);
  }
}

async function deleteDependent(cluster: Cluster, reference: Reference, owner: string): Promise<void> {
  const dependent = cluster.get(reference.resource, reference);
  if (dependent === undefined || dependent.metadata.deletionTimestamp !== undefined || hasOtherOwner(cluster, dependent, owner)) return;
  await cluster.delete(reference.resource, reference, { propagationPolicy: FOREGROUND_KINDS.has(reference.resource) ? "Foreground" : "Background" });
}

/** These have dependents of their own. */
const FOREGROUND_KINDS: ReadonlySet<ResourceName> = new Set(["replicasets.apps", "jobs.batch"]);

/** A live owner besides: the dependent stays and only loses the reference, when its own turn comes. */
function hasOtherOwner(cluster: Cluster, dependent: KubeObject, uid: string): boolean {
  return (dependent.metadata.ownerReferences ?? []).some((owner) => {
    const found = owner.uid === uid ? undefined : findOwner(cluster, dependent, owner);
    return found === "unknown" || (found !== undefined && found.metadata.deletionTimestamp === undefined);
  });
}

async function dropOwners(cluster: Cluster, reference: Reference, uids: readonly string[]): Promise<void> {
  await cluster.modify(reference.resource, reference, (current) => {
    const { ownerReferences = [], ...metadata } = current.metadata;
    const kept = ownerReferences.filter(({ uid }) => !uids.includes(uid));
    return { ...current, metadata: kept.length === 0 ? metadata : { ...metadata, ownerReferences: kept } };
  });
}

async function release(cluster: Cluster, reference: Reference, finalizer: string): Promise<void> {
  await cluster.modify(reference.resource, reference, (current) => withoutFinalizer(current, finalizer));
}
