/**
 * The cluster as controllers see it: the API server's own admission path, called in-process.
 * Reads are synchronous, from the API server's in-memory state (never stale against a write that has resolved).
 */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: any;
  readonly status?: any;
  readonly [field: string]: any;
}

export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly unknown[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Plural resource with group, as kubectl prints it: `pods`, `deployments.apps`, `replicasets.apps`. */
export type ResourceName = string;

export interface ObjectKey {
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined;
  readonly name: string;
}

export type WatchEvent = {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
  readonly previous?: KubeObject;
};

/** What a write may leave to the API server (uid, resourceVersion, defaults…). */
export type Draft = { readonly apiVersion: string; readonly kind: string; readonly metadata: Partial<ObjectMeta>; readonly [field: string]: unknown };

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface Cluster {
  get(resource: ResourceName, key: ObjectKey): KubeObject | undefined;
  list(resource: ResourceName, namespace?: string): readonly KubeObject[];
  /** @throws {ApiError} with the Kubernetes reason (`AlreadyExists`, `Invalid`, `Forbidden`…) */
  create(resource: ResourceName, draft: Draft): Promise<KubeObject>;
  /** `object.metadata.resourceVersion` guards. @throws {ApiError} `Conflict`, `NotFound`, `Invalid` */
  update(resource: ResourceName, object: KubeObject): Promise<KubeObject>;
  updateStatus(resource: ResourceName, object: KubeObject): Promise<KubeObject>;
  /** Reads, changes and writes until no conflict; `change` returns the same object to leave it. Undefined when it is gone. */
  modify(
    resource: ResourceName,
    key: ObjectKey,
    change: (current: KubeObject) => KubeObject,
    options?: { readonly status?: boolean },
  ): Promise<KubeObject | undefined>;
  /** Gives a pod its node, and the condition that says so. @throws {ApiError} `Conflict` when it has another, `NotFound` */
  bind(key: ObjectKey, node: string): Promise<KubeObject>;
  /** Resolves also when it was gone already. */
  delete(resource: ResourceName, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** Calls `handler` with ADDED for all that is there, then with each change in order. Dispose ends it. */
  watch(resource: ResourceName, handler: (event: WatchEvent) => void): Disposable;
}

/** What is in use, at the rate of a short while ago. */
export interface Usage {
  /** Billionths of a core. */
  readonly cpu: number;
  /** Bytes, without file cache that can go at any time. */
  readonly memory: number;
}

export interface Measured<T> {
  /** Milliseconds since the epoch: end of the while that was measured. */
  readonly at: number;
  /** Milliseconds. */
  readonly window: number;
  readonly usage: T;
}

/** What nodes measure. Undefined while there are not two readings yet. Met by the node agent. */
export interface UsageSource {
  node(name: string): Measured<Usage> | undefined;
  /** By name of the containers that run in the pod of this uid. */
  pod(uid: string): Measured<ReadonlyMap<string, Usage>> | undefined;
}

/** What the API server needs of the node for the streaming subresources of pods. Stated here, met by the node agent. */
export interface PodStreams {
  logs(pod: KubeObject, options: PodLogOptions): AsyncIterable<Uint8Array>;
  exec(pod: KubeObject, options: PodExecOptions): Promise<PodProcess>;
  attach(pod: KubeObject, options: { readonly container: string; readonly tty: boolean; readonly stdin: boolean }): Promise<PodProcess>;
  /** A TCP connection to a port inside the pod. */
  dial(pod: KubeObject, port: number): Promise<import("node:net").Socket>;
}

export interface PodLogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}

export interface PodExecOptions {
  readonly container: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Of its terminal from the first moment on; undefined is not known yet. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** Streams of a process in a pod; `exitCode` resolves when it has ended and its output is drained. */
export interface PodProcess extends AsyncDisposable {
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  readonly exitCode: Promise<number>;
  write(data: Uint8Array): Promise<void>;
  closeStdin(): void;
  resize(size: { readonly width: number; readonly height: number }): void;
}
