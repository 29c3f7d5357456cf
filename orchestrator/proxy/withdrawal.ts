/** Tells when no new connection is sent to a pod that ends: every slice says that it terminates, and the rules that say so are in force. */
import type { Cluster, KubeObject } from "../cluster.ts";
import type { RulesInForce } from "./rules-in-force.ts";

const SLICES = "endpointslices.discovery.k8s.io";
/** A pod is not kept from ending for longer. */
const PATIENCE_MS = 5000;

export interface Withdrawal {
  /** Resolves at once for a pod that no service knows. */
  readonly withdrawn: (pod: KubeObject) => Promise<void>;
}

/** `rules` undefined: connections ask the cluster themselves. */
export function withdrawal(cluster: Cluster, rules: RulesInForce | undefined): Withdrawal {
  return {
    async withdrawn({ metadata }): Promise<void> {
      const isDone = (): boolean => !isOffered(cluster, metadata.namespace ?? "", metadata.uid) && rules?.isCurrent !== false;
      if (isDone()) return;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          watch[Symbol.dispose]();
          applied?.[Symbol.dispose]();
          resolve();
        };
        const look = (): void => {
          if (isDone()) setImmediate(end);
        };
        const timer = setTimeout(end, PATIENCE_MS);
        const applied = rules?.onApplied(look);
        const watch = cluster.watch(SLICES, () => setImmediate(look));
      });
    },
  };
}

function isOffered(cluster: Cluster, namespace: string, uid: string): boolean {
  return cluster
    .list(SLICES, namespace)
    .some((slice) => (slice["endpoints"] ?? []).some((endpoint: any) => endpoint.targetRef?.uid === uid && endpoint.conditions?.terminating !== true));
}
