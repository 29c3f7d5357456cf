/** What pods ask for of a node. Pure. Spec: Kubernetes docs, "Init Containers", "Resource sharing within containers". */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { compareQuantities, parseQuantity, sumQuantities } from "../../orchestrator/schema/quantity.ts";
import type { Labels } from "./fields.ts";
import type { Container, PodSpec } from "./pod-types.ts";

export const RESOURCES = ["cpu", "memory", "ephemeral-storage", "hugepages-1Gi", "hugepages-2Mi"] as const;

export function amountOf(what: string, amounts: Labels): string | undefined {
  return amounts?.[what];
}

/** The sum over pods: of each its containers together, or its largest init container where that is more. */
export function asked(pods: readonly KubeObject[], kind: "requests" | "limits", what: string): string {
  return sum(
    pods.map(({ spec }) => {
      const { containers, initContainers = [] }: PodSpec = spec;
      const amount = ({ resources }: Container): string => resources?.[kind]?.[what] ?? "0";
      return initContainers.map(amount).reduce((most, one) => (compareQuantities(one, most) > 0 ? one : most), sum(containers.map(amount)));
    }),
  );
}

/** Zeros have no format of their own. */
function sum(amounts: readonly string[]): string {
  const counted = amounts.filter((amount) => parseQuantity(amount)?.nano !== 0n);
  return counted.length === 0 ? "0" : sumQuantities(counted);
}

/** `128Mi (0%)`, of what the node has to give. */
export function shareOf(what: string, amount: string, allocatable: Labels): string {
  const [part, whole] = [parseQuantity(amount)?.nano ?? 0n, parseQuantity(amountOf(what, allocatable) ?? "0")?.nano ?? 0n];
  return `${amount} (${whole === 0n ? 0n : (part * 100n) / whole}%)`;
}
