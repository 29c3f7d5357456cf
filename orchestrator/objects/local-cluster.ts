/** The `Cluster` of this process: every call is a transaction of the object log through the same path that requests over HTTP take. */
import type { Cluster, DeleteOptions, Draft, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { ApiError } from "../errors.ts";
import type { Change, LogKey, ObjectLog, Transaction } from "../log/object-log.ts";
import { resourceNamed } from "../schema/resources.ts";
import { bindPod } from "./bind.ts";
import { change } from "./change.ts";
import { create } from "./create.ts";
import { remove } from "./remove.ts";
import type { ClusterSettings, WriteRequest } from "./request.ts";

const writer = { manager: "strata", dryRun: false, internal: true } as const;

export interface ClusterParts {
  readonly log: ObjectLog;
  readonly settings: ClusterSettings;
  readonly now: () => Date;
  /** Told what a watch's handler threw: one object that it cannot read must not keep it from the others. */
  readonly onBug?: (error: unknown) => void;
}

export function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

export class LocalCluster implements Cluster {
  readonly #parts: ClusterParts;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  get(resource: ResourceName, key: ObjectKey): KubeObject | undefined {
    return this.#parts.log.get(logKey(resource, key));
  }

  list(resource: ResourceName, namespace?: string): readonly KubeObject[] {
    return this.#parts.log.list(resource, namespace);
  }

  async create(resource: ResourceName, draft: Draft): Promise<KubeObject> {
    const namespace = draft.metadata.namespace ?? "";
    return await this.#transact(resource, { namespace, name: "" }, (request) => create(request, draft));
  }

  async update(resource: ResourceName, object: KubeObject): Promise<KubeObject> {
    return await this.#transact(resource, keyOf(object), (request) => change(request, () => object));
  }

  async updateStatus(resource: ResourceName, object: KubeObject): Promise<KubeObject> {
    return await this.#transact(resource, keyOf(object), (request) => change(request, () => object, { subresource: "status" }));
  }

  async modify(
    resource: ResourceName,
    key: ObjectKey,
    make: (current: KubeObject) => KubeObject,
    options: { readonly status?: boolean } = {},
  ): Promise<KubeObject | undefined> {
    return await unlessGone(this.#transact(resource, key, (request) => change(request, make, options.status === true ? { subresource: "status" } : {})));
  }

  async bind(key: ObjectKey, node: string): Promise<KubeObject> {
    return await this.#transact("pods", key, (request) => bindPod(request, node));
  }

  async delete(resource: ResourceName, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await unlessGone(this.#transact(resource, key, (request) => remove(request, options)));
  }

  watch(resource: ResourceName, handler: (event: WatchEvent) => void): Disposable {
    const subscription = this.#parts.log.subscribe((changes) => {
      for (const made of changes) if (made.key.resource === resource) this.#tell(handler, eventOf(made));
    });
    for (const object of this.list(resource)) this.#tell(handler, { type: "ADDED", object });
    return subscription;
  }

  #tell(handler: (event: WatchEvent) => void, event: WatchEvent): void {
    try {
      handler(event);
    } catch (error) {
      this.#parts.onBug?.(error);
    }
  }

  #transact<T>(resource: ResourceName, key: { readonly namespace: string | undefined; readonly name: string }, body: (request: WriteRequest) => T): Promise<T> {
    const { log, settings, now } = this.#parts;
    const row = resourceNamed(resource);
    const at = { resource: row, namespace: key.namespace ?? "", name: key.name, writer, settings };
    return log.transact((transaction: Transaction) => body({ ...at, transaction, now: timestamp(now()) }));
  }
}

export function eventOf({ object, previous, revision }: Change): WatchEvent {
  if (object === undefined) return { type: "DELETED", object: atRevision(previous!, revision) };
  return previous === undefined ? { type: "ADDED", object } : { type: "MODIFIED", object, previous };
}

/** A removed object is told with the revision of its removal. */
function atRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace, name: metadata.name };
}

function logKey(resource: ResourceName, { namespace, name }: ObjectKey): LogKey {
  return { resource, namespace: namespace ?? "", name };
}

async function unlessGone<T>(outcome: Promise<T>): Promise<T | undefined> {
  try {
    return await outcome;
  } catch (error) {
    if (error instanceof ApiError && error.code === "NotFound") return undefined;
    throw error;
  }
}
