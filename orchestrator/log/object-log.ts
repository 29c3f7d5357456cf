/**
 * The cluster's memory: every change of every object in one order, each with its own revision.
 * etcd semantics behind a small interface: reads at the newest revision, serialisable transactions, changes since a revision until they are compacted.
 * A transaction that has resolved is durable; nothing that is not durable is ever read.
 */
import type { KubeObject } from "../cluster.ts";

export interface LogKey {
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

export interface Change {
  readonly key: LogKey;
  readonly revision: number;
  /** Undefined when this change removed the object. */
  readonly object: KubeObject | undefined;
  /** What was there before; undefined when this change created the object. */
  readonly previous: KubeObject | undefined;
}

export interface LogReader {
  get(key: LogKey): KubeObject | undefined;
  /** Sorted by namespace and name. */
  list(resource: string, namespace?: string): readonly KubeObject[];
}

export interface Transaction extends LogReader {
  /** Writes the object and gives it back with `metadata.resourceVersion` set to the revision of this write. */
  put(key: LogKey, object: KubeObject): KubeObject;
  remove(key: LogKey): void;
}

export interface ObjectLog extends LogReader, AsyncDisposable {
  /** Revision of the newest durable change. */
  readonly revision: number;
  /** Runs `body` against the newest state, alone; what it throws rejects and undoes its writes. `body` must be synchronous and may run more than once. */
  transact<T>(body: (transaction: Transaction) => T): Promise<T>;
  /** Changes with a revision above `revision`, oldest first. @throws {ApiError} `Expired` when they are compacted away */
  changesSince(revision: number): readonly Change[];
  /** Calls with the changes of each transaction, in order, after they are durable and readable. */
  subscribe(listener: (changes: readonly Change[]) => void): Disposable;
}
