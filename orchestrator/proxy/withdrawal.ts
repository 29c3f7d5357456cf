/** Tells when no new connection is sent to a pod that ends: every slice says that it terminates, and the rules that say so are in force. */
import type { Cluster, KubeObject } from "../cluster.ts";
import { SLICES } from "../controllers/endpoints/plan.ts";
import type { RulesInForce } from "./rules-in-force.ts";

/** A pod is not kept from ending for longer. */
const PATIENCE_MS = 5000;

export interface Withdrawal {
  /** Resolves at once for a pod that no service knows. */
  readonly withdrawn: (pod: KubeObject) => Promise<void>;
}

/** `rules` undefined: connections ask the cluster themselves. */
export function withdrawal(cluster: Cluster, rules: Pick<RulesInForce, "sync"> | undefined): Withdrawal {
  return {
    async withdrawn(pod): Promise<void> {
      const patience = AbortSignal.timeout(PATIENCE_MS);
      await untilUnoffered(cluster, pod, patience);
      await Promise.race([rules?.sync(), new Promise<void>((resolve) => patience.addEventListener("abort", () => resolve()))]);
    },
  };
}

async function untilUnoffered(cluster: Cluster, { metadata: { namespace, uid } }: KubeObject, patience: AbortSignal): Promise<void> {
  if (!isOffered(cluster, namespace, uid)) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      watch[Symbol.dispose]();
      resolve();
    };
    let looking = false;
    const look = (): void => {
      looking = false;
      if (!isOffered(cluster, namespace, uid)) end();
    };
    const watch = cluster.watch(SLICES, ({ object }) => {
      if (looking || object.metadata.namespace !== namespace) return;
      looking = true;
      setImmediate(look);
    });
    patience.addEventListener("abort", end);
  });
}

function isOffered(cluster: Cluster, namespace: string | undefined, uid: string): boolean {
  return cluster.list(SLICES, namespace).some((slice) => {
    const endpoints: readonly Endpoint[] = slice["endpoints"] ?? [];
    return endpoints.some(({ targetRef, conditions }) => targetRef?.uid === uid && conditions?.terminating !== true);
  });
}

interface Endpoint {
  readonly targetRef?: { readonly uid?: string };
  readonly conditions?: { readonly terminating?: boolean };
}
