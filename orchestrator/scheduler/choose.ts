/** The node for a pod, or why there is none. Decides, and does nothing. */
import type { KubeObject } from "../cluster.ts";
import { objections, wantedBy } from "./filters.ts";
import type { NodeInfo } from "./ledger.ts";
import { scores } from "./score.ts";
import type { VolumeNeeds } from "./volumes.ts";

export type Choice = { readonly node: string } | { readonly refused: string };

/** Among equals `random` (0 to 1) picks. */
export function chooseNode(pod: KubeObject, infos: readonly NodeInfo[], random: () => number, volumes?: VolumeNeeds): Choice {
  if (infos.length === 0) return { refused: "no nodes available to schedule pods" };
  const wanted = wantedBy(pod, volumes);
  const reasons = new Map<string, number>();
  const feasible = infos.filter((info) => {
    const found = objections(wanted, info);
    if (found.length === 0) return true;
    for (const reason of found) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return false;
  });
  if (feasible.length === 0) return { refused: refusal(infos.length, reasons) };
  return { node: best(feasible, feasible.length === 1 ? [0] : scores(wanted, feasible), random).node.metadata.name };
}

function best(infos: readonly NodeInfo[], points: readonly number[], random: () => number): NodeInfo {
  const most = Math.max(...points);
  const tied = infos.filter((_, index) => points[index] === most);
  return tied[Math.floor(random() * tied.length)] ?? (infos[0] as NodeInfo);
}

function refusal(nodes: number, reasons: ReadonlyMap<string, number>): string {
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(", ")}.`;
}
