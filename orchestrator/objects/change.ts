/** Changes an object that is there: the new state, kept inside what the caller may change, validated and written; unless nothing changed. */
import { clone } from "../schema/clone.ts";
import type { KubeObject, ObjectMeta } from "../cluster.ts";
import { ApiError, conflict, notFound } from "../errors.ts";
import { decodeObject } from "../schema/decode-object.ts";
import { applyDefaults } from "../schema/defaults.ts";
import { equal } from "../schema/equal.ts";
import { invalidObject, type FieldError } from "../schema/field-error.ts";
import { nameOf, type DecodedObject, type Resource } from "../schema/resource.ts";
import { validate } from "../schema/validate.ts";
import { admitChange } from "./admission.ts";
import { validateChange } from "./immutable.ts";
import { trackWrite, withManagers } from "./ownership.ts";
import type { WriteRequest } from "./request.ts";

export interface ChangeOptions {
  /** Which part the write may touch; the object itself when undefined. */
  readonly subresource?: string;
  /** What is made says who owns its fields. */
  readonly owned?: boolean;
}

/** `change` gives the same object back to leave it. @throws {ApiError} `NotFound`, `Conflict`, `Invalid` */
export function change(request: WriteRequest, make: (current: KubeObject) => unknown, { subresource, owned = false }: ChangeOptions = {}): KubeObject {
  const { resource, transaction, namespace, name, writer } = request;
  const key = { resource: nameOf(resource), namespace, name };
  const current = transaction.get(key);
  if (current === undefined) throw notFound(resource, name);
  const made = make(current);
  if (made === current) return current;
  const decoded = decodeObject(resource, made);
  checkIdentity(resource, current, decoded.metadata);
  const next = within(request, current, decoded, subresource);
  applyDefaults(resource.type, next);
  const managers = owned ? undefined : trackWrite(request, current, next, subresource);
  admitChange(request, current, next, subresource);
  const lenient = writer.internal || subresource !== undefined;
  const errors = [...newErrors(resource, current, next, lenient), ...validateChange(resource, current, next, lenient)];
  if (errors.length > 0) throw invalidObject(resource, name, errors);
  const counted = countGeneration(resource, current, next);
  const final = managers === undefined ? counted : withManagers(counted, managers);
  if (equal(current, final)) return current;
  if (writer.dryRun) return final;
  if (!isReleased(final)) return transaction.put(key, final);
  transaction.remove(key);
  return final;
}

/** Whoever reports on an object is not to blame for what was wrong in it before. */
function newErrors(resource: Resource, current: KubeObject, next: KubeObject, lenient: boolean): readonly FieldError[] {
  const errors = validate(resource, next);
  if (errors.length === 0 || !lenient) return errors;
  const before = new Set(validate(resource, current).map(({ field, message }) => `${field}: ${message}`));
  return errors.filter(({ field, message }) => !before.has(`${field}: ${message}`));
}

function checkIdentity(resource: Resource, { metadata }: KubeObject, made: Partial<ObjectMeta>): void {
  const { name } = metadata;
  if (made.resourceVersion !== undefined && made.resourceVersion !== "0" && made.resourceVersion !== metadata.resourceVersion) throw conflict(resource, name);
  if (made.uid !== undefined && made.uid !== metadata.uid)
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${made.uid}, UID in object meta: ${metadata.uid}`);
  if (made.name !== undefined && made.name !== name)
    throw new ApiError("BadRequest", `the name of the object (${made.name}) does not match the name on the URL (${name})`);
  if (made.namespace !== undefined && made.namespace !== metadata.namespace) {
    throw new ApiError("BadRequest", "the namespace of the provided object does not match the namespace sent on the request");
  }
}

/** The made object, with the parts of the current one that this write may not touch. */
function within({ resource }: WriteRequest, current: KubeObject, made: DecodedObject, subresource: string | undefined): Record<string, any> & KubeObject {
  const part = subresource === undefined ? undefined : parts[subresource];
  if (part !== undefined) return { ...clone({ ...current, ...part(current, made) }), metadata: withOwners(current.metadata, made.metadata) };
  const status = resource.hasStatus ? current.status : made["status"];
  const { status: _, ...rest } = made;
  return {
    ...rest,
    apiVersion: current.apiVersion,
    kind: current.kind,
    metadata: keepIdentity(current.metadata, made.metadata),
    ...(status !== undefined && { status: clone(status) }),
  };
}

/** What each subresource is of its object. */
const parts: Readonly<Record<string, (current: KubeObject, made: DecodedObject) => Partial<KubeObject>>> = {
  status: (_, made) => ({ status: made["status"] }),
  finalize: (_, made) => ({ spec: made["spec"] ?? {} }),
  ephemeralcontainers: (current, made) => ({ spec: { ...current.spec, ephemeralContainers: made["spec"]?.ephemeralContainers } }),
};

function withOwners(current: ObjectMeta, { managedFields }: Partial<ObjectMeta>): ObjectMeta {
  return { ...current, ...(managedFields !== undefined && { managedFields }) };
}

function keepIdentity(current: ObjectMeta, made: Partial<ObjectMeta>): ObjectMeta {
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = current;
  const { labels, annotations, ownerReferences, finalizers, managedFields = current.managedFields } = made;
  const all = {
    name,
    generateName,
    namespace,
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    labels,
    annotations,
    ownerReferences,
    finalizers,
    managedFields,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as ObjectMeta;
}

function countGeneration(resource: Resource, current: KubeObject, next: KubeObject): KubeObject {
  if (!resource.countsGeneration || equal(current.spec, next.spec)) return next;
  return { ...next, metadata: { ...next.metadata, generation: (current.metadata.generation ?? 0) + 1 } };
}

/** Deleted, and nothing holds it any more. */
export function isReleased({ kind, metadata, spec }: KubeObject): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  if ((metadata.finalizers ?? []).length > 0) return false;
  return kind !== "Namespace" || (spec?.finalizers ?? []).length === 0;
}
