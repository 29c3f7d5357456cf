/**
 * Deletes an object: at once, or, when finalizers or a pod's grace hold it, by marking it; whoever holds it lets go later.
 * Spec: "Garbage Collection", "Pod Lifecycle: Termination of Pods".
 */
import type { DeleteOptions, KubeObject } from "../cluster.ts";
import { conflict, forbidden, notFound } from "../errors.ts";
import { nameOf, type Resource } from "../schema/resource.ts";
import { isReleased } from "./change.ts";
import type { WriteRequest } from "./request.ts";

export interface Removal {
  /** As it was when it went, or as it is now that it is marked. */
  readonly object: KubeObject;
  readonly gone: boolean;
}

const DEFAULT_GRACE_SECONDS = 30;
const undeletable: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** @throws {ApiError} `NotFound`, `Conflict` for a precondition, `Forbidden` for the namespaces the cluster needs */
export function remove(request: WriteRequest, options: DeleteOptions): Removal {
  const { resource, transaction, namespace, name, writer } = request;
  const key = { resource: nameOf(resource), namespace, name };
  const current = transaction.get(key);
  if (current === undefined) throw notFound(resource, name);
  checkPreconditions(resource, current, options);
  if (resource.kind === "Namespace" && undeletable.has(name)) throw forbidden(resource, name, "this namespace may not be deleted");
  const marked = mark(current, withDefaultPolicy(request, current, options), request.now);
  if (isReleased(marked)) {
    if (!writer.dryRun) transaction.remove(key);
    return { object: current, gone: true };
  }
  return { object: writer.dryRun || marked === current ? marked : transaction.put(key, marked), gone: false };
}

/** What was asked before stays asked. */
function withDefaultPolicy({ resource, writer }: WriteRequest, { metadata }: KubeObject, options: DeleteOptions): DeleteOptions {
  if (resource.orphansByDefault !== true || writer.internal || options.propagationPolicy !== undefined) return options;
  const asked = Object.values(policyFinalizers).some((finalizer) => (metadata.finalizers ?? []).includes(finalizer));
  return asked ? options : { ...options, propagationPolicy: "Orphan" };
}

function checkPreconditions(resource: Resource, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(resource, metadata.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      resource,
      metadata.name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
  }
}

/** With the deletion written into it. Marking again can only shorten the grace. */
function mark(current: KubeObject, options: DeleteOptions, now: string): KubeObject {
  const { metadata } = current;
  const grace = graceOf(current, options);
  const finalizers = finalizersOf(metadata.finalizers ?? [], options);
  const already = metadata.deletionTimestamp !== undefined;
  if (already && grace >= (metadata.deletionGracePeriodSeconds ?? 0) && finalizers.length === (metadata.finalizers ?? []).length) return current;
  const counted = metadata.generation === undefined || already ? {} : { generation: metadata.generation + 1 };
  const { finalizers: _, ...rest } = metadata;
  return {
    ...current,
    metadata: { ...rest, ...counted, deletionTimestamp: later(now, grace), deletionGracePeriodSeconds: grace, ...(finalizers.length > 0 && { finalizers }) },
    ...(current.kind === "Namespace" && { status: { ...current.status, phase: "Terminating" } }),
  };
}

function graceOf({ kind, spec, status }: KubeObject, options: DeleteOptions): number {
  if (kind !== "Pod") return 0;
  const unscheduled = (spec?.nodeName ?? "") === "";
  if (unscheduled || status?.phase === "Succeeded" || status?.phase === "Failed") return 0;
  return Math.max(0, options.gracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
}

const policyFinalizers = { Foreground: "foregroundDeletion", Orphan: "orphan" } as const;

function finalizersOf(finalizers: readonly string[], { propagationPolicy }: DeleteOptions): readonly string[] {
  if (propagationPolicy === undefined) return finalizers;
  const others = finalizers.filter((finalizer) => finalizer !== policyFinalizers.Foreground && finalizer !== policyFinalizers.Orphan);
  return propagationPolicy === "Background" ? others : [...others, policyFinalizers[propagationPolicy]];
}

function later(now: string, seconds: number): string {
  return new Date(Date.parse(now) + seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
