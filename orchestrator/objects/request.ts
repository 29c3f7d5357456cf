/** What every write carries besides the object: who writes, when, and with which effects. */
import type { Transaction } from "../log/object-log.ts";
import type { KubeObject } from "../cluster.ts";
import type { Resource } from "../schema/resource.ts";

export interface ClusterSettings {
  /** IPv4 range of service addresses. */
  readonly serviceCidr: string;
  /** First and last node port. */
  readonly nodePorts: readonly [number, number];
  /** PEM of the authority that signed the server's certificate: goes into every namespace. */
  readonly authority: string;
}

export interface Writer {
  /** Name under `metadata.managedFields`. */
  readonly manager: string;
  /** Everything happens but the write. */
  readonly dryRun: boolean;
  /** A part of the control plane: may set what users may not (a pod's node, a namespace's finalizers). */
  readonly internal: boolean;
  /** Refuses an object that gives away what the writer does not have. */
  readonly checkGrant?: (request: WriteRequest, object: KubeObject) => void;
}

export interface WriteRequest {
  readonly transaction: Transaction;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly writer: Writer;
  readonly settings: ClusterSettings;
  /** RFC 3339, seconds. */
  readonly now: string;
}
