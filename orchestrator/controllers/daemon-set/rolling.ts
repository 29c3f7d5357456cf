/** One step of a DaemonSet's rolling update: old pods go first (maxUnavailable), or new ones come beside them (maxSurge). Decides, and does nothing. Spec: Kubernetes documentation, "Perform a Rolling Update on a DaemonSet". */
import type { KubeObject } from "../../cluster.ts";
import { resolvePercent } from "../percent.ts";
import { isAvailable } from "../pods.ts";
import type { Place } from "./nodes.ts";
import { HASH_LABEL } from "./template.ts";

export interface Step {
  /** Names of nodes that get a new pod beside the old one. */
  readonly create: readonly string[];
  readonly remove: readonly { readonly pod: KubeObject; readonly node: string }[];
}

export function surges({ spec }: KubeObject): boolean {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  return type !== "OnDelete" && resolvePercent(rollingUpdate?.maxSurge, 100, "up") > 0;
}

export function rollingUpdate(set: KubeObject, places: readonly Place[], hash: string, now: number): Step {
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const wanted = places.filter((place) => place.wanted).length;
  const surge = resolvePercent(maxSurge, wanted, "up");
  const unavailable = resolvePercent(maxUnavailable, wanted, "up");
  const nodes = places.filter(({ wanted, pods }) => wanted || pods.length > 0).map((place) => pairOf(place, hash));
  const available = (pod: KubeObject): boolean => isAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  return surge > 0 ? besides(nodes, surge, available) : inPlace(nodes, unavailable === 0 ? 1 : unavailable, available);
}

/** The pods of a node that stay; `crowded` when there is more than one of a kind. */
interface Pair {
  readonly node: string;
  readonly fresh: KubeObject | undefined;
  readonly old: KubeObject | undefined;
  readonly crowded: boolean;
}

type IsAvailable = (pod: KubeObject) => boolean;

function pairOf({ node, pods }: Place, hash: string): Pair {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const fresh = staying.filter(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash);
  const old = staying.filter((pod) => !fresh.includes(pod));
  return { node, fresh: fresh[0], old: old[0], crowded: fresh.length > 1 || old.length > 1 };
}

/** Old pods that serve nobody go for free; of the others as many as may be missing. A node without exactly one pod counts as missing. */
function inPlace(nodes: readonly Pair[], maxUnavailable: number, available: IsAvailable): Step {
  const single = nodes.filter(({ fresh, old, crowded }) => !crowded && (fresh === undefined) !== (old === undefined));
  const missing = nodes.length - single.length + single.filter(({ fresh }) => fresh !== undefined && !available(fresh)).length;
  const old = single.flatMap(({ node, old }) => (old === undefined ? [] : [{ node, pod: old }]));
  const idle = old.filter(({ pod }) => !available(pod));
  const serving = old.filter(({ pod }) => available(pod)).slice(0, Math.max(0, maxUnavailable - missing));
  return { create: [], remove: [...idle, ...serving] };
}

/** A new pod comes to a node whose old one serves nobody, and to as many others as may surge; the old pod goes when the new one is available. */
function besides(nodes: readonly Pair[], maxSurge: number, available: IsAvailable): Step {
  const tidy = nodes.filter(({ crowded }) => !crowded);
  const both = tidy.flatMap(({ node, fresh, old }) => (fresh !== undefined && old !== undefined ? [{ node, fresh, old }] : []));
  const alone = tidy.flatMap(({ node, fresh, old }) => (fresh === undefined && old !== undefined ? [{ node, old }] : []));
  const surging = nodes.length - tidy.length + both.filter(({ fresh }) => !available(fresh)).length;
  const idle = alone.filter(({ old }) => !available(old));
  const serving = alone.filter(({ old }) => available(old)).slice(0, Math.max(0, maxSurge - surging));
  return {
    create: [...idle, ...serving].map(({ node }) => node),
    remove: both.filter(({ fresh }) => available(fresh)).map(({ node, old }) => ({ node, pod: old })),
  };
}
