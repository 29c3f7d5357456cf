/** Taints of nodes against tolerations of pods. Spec: "Taints and Tolerations". */
import type { KubeObject } from "../cluster.ts";

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: "Exists" | "Equal";
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some(({ key = "", operator = "Equal", value = "", effect = "" }) => {
    if (effect !== "" && effect !== taint.effect) return false;
    if (key === "") return operator === "Exists";
    return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
  });
}

/** The first taint with one of `effects` that the pod does not tolerate. */
export function untolerated(pod: KubeObject, node: KubeObject, effects: readonly Taint["effect"][]): Taint | undefined {
  return firstUntolerated(pod, node.spec?.taints ?? [], effects);
}

export function firstUntolerated(pod: KubeObject, taints: readonly Taint[], effects: readonly Taint["effect"][]): Taint | undefined {
  return taints.find((taint) => effects.includes(taint.effect) && !tolerates(pod.spec.tolerations ?? [], taint));
}
