/** Creates an object: canonical form, defaults, admission, validation, write. */
import { randomUUID } from "node:crypto";
import type { Draft, KubeObject, ObjectMeta } from "../cluster.ts";
import { alreadyExists, badRequest, forbidden, notFound } from "../errors.ts";
import { decodeObject } from "../schema/decode-object.ts";
import { applyDefaults } from "../schema/defaults.ts";
import { invalidObject } from "../schema/field-error.ts";
import { apiVersionOf, nameOf } from "../schema/resource.ts";
import { validate } from "../schema/validate.ts";
import { admit, afterCreate } from "./admission.ts";
import { trackWrite, withManagers } from "./ownership.ts";
import { randomSuffix } from "./random-suffix.ts";
import { checkQuotas } from "./quota/check.ts";
import type { WriteRequest } from "./request.ts";

const GENERATED_BASE_LENGTH = 58;

export interface CreateOptions {
  /** The draft says who owns its fields. */
  readonly owned?: boolean;
}

/** @throws {ApiError} `AlreadyExists`, `Invalid`, `Forbidden`, `NotFound` for a namespace that is not there */
export function create(request: Omit<WriteRequest, "name">, draft: Draft, { owned = false }: CreateOptions = {}): KubeObject {
  const { resource, transaction, namespace, writer } = request;
  const decoded = decodeObject(resource, draft);
  const name = decoded.metadata.name ?? (decoded.metadata.generateName === undefined ? "" : generate(decoded.metadata.generateName));
  const key = { resource: nameOf(resource), namespace, name };
  checkNamespace(request, name);
  const object = { ...decoded, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: newMetadata(request, decoded.metadata, name) };
  applyDefaults(resource.type, object);
  const managers = owned ? undefined : trackWrite({ ...request, name }, undefined, object);
  admit({ ...request, name }, object);
  const errors = validate(resource, object);
  if (errors.length > 0) throw invalidObject(resource, name, errors);
  const there = transaction.get(key);
  if (there !== undefined) throw alreadyExists(resource, name, there.metadata.deletionTimestamp !== undefined);
  checkQuotas({ ...request, name }, object);
  const final = managers === undefined ? object : withManagers(object, managers);
  if (writer.dryRun) return final;
  const stored = transaction.put(key, final);
  afterCreate({ ...request, name }, stored);
  return stored;
}

function newMetadata({ resource, namespace, now }: Omit<WriteRequest, "name">, draft: Partial<ObjectMeta>, name: string): ObjectMeta {
  if (draft.resourceVersion !== undefined) throw badRequest("resourceVersion should not be set on objects to be created");
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...kept } = draft;
  return {
    ...kept,
    name,
    ...(resource.namespaced && { namespace }),
    uid: randomUUID(),
    resourceVersion: "",
    ...(resource.countsGeneration && { generation: 1 }),
    creationTimestamp: now,
  };
}

function checkNamespace({ resource, transaction, namespace }: Omit<WriteRequest, "name">, name: string): void {
  if (!resource.namespaced) return;
  const id = { resource: "namespaces", group: "" };
  const found = transaction.get({ resource: "namespaces", namespace: "", name: namespace });
  if (found === undefined) throw notFound(id, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(resource, name, message, [
    { reason: "NamespaceTerminating", message: `namespace ${namespace} is being terminated`, field: "metadata.namespace" },
  ]);
}

function generate(base: string): string {
  return base.slice(0, GENERATED_BASE_LENGTH) + randomSuffix();
}
