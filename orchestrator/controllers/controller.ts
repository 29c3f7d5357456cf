/** A controller is which objects wake which keys, and what to do about a key. `runController` joins it to the cluster. */
import type { Cluster, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { ApiError, messageOf } from "../errors.ts";
import { systemClock, type Clock } from "./clock.ts";
import { Loop, type Outcome } from "./loop.ts";

export interface Controller {
  readonly name: string;
  readonly workers?: number;
  /** For each resource the keys that one of its events touches. */
  readonly watches: Readonly<Record<ResourceName, (event: WatchEvent) => Iterable<ObjectKey>>>;
  /** Safe to run at any time, any number of times, for any key. */
  reconcile(key: ObjectKey): Promise<Outcome | void>;
}

export interface ControllerOptions {
  readonly clock?: Clock;
  readonly log?: (message: string) => void;
}

export function runController(cluster: Cluster, controller: Controller, options: ControllerOptions = {}): AsyncDisposable {
  const loop = new Loop({
    clock: options.clock ?? systemClock,
    workers: controller.workers ?? 1,
    reconcile: async (key) => await controller.reconcile(parseKey(key)),
    onError: (key, error) => {
      if (!isConflict(error) && !isOfGoingNamespace(error)) options.log?.(`${controller.name} ${key}: ${messageOf(error)}`);
    },
  });
  const watches = Object.entries(controller.watches).map(([resource, keysOf]) =>
    cluster.watch(resource, (event) => {
      for (const key of keysOf(event)) loop.add(formatKey(key));
    }),
  );
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      for (const watch of watches) watch[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}

export function formatKey(key: ObjectKey): string {
  return `${key.namespace ?? ""}/${key.name}`;
}

export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return { namespace: text.slice(0, slash) || undefined, name: text.slice(slash + 1) };
}

/** Lost races are the loop's daily bread: retried, not told. */
function isConflict(error: unknown): boolean {
  return hasReason(error, "Conflict");
}

/** Nothing is wrong: what is owned by the namespace goes with it. */
function isOfGoingNamespace(error: unknown): boolean {
  return error instanceof ApiError && error.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") === true;
}

/** Whether the API server refused with this Kubernetes reason. */
export function hasReason(error: unknown, reason: string): boolean {
  return error instanceof Error && "code" in error && error.code === reason;
}
