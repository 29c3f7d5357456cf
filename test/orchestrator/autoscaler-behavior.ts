/** The behavior of an autoscaler at its quickest, but for what is given. */
import { type Behavior } from "../../orchestrator/controllers/horizontal-pod-autoscaler/behavior.ts";

export function behavior({ scaleUp = {}, scaleDown = {} }: { readonly scaleUp?: object; readonly scaleDown?: object }): Behavior {
  return {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Pods", value: 4, periodSeconds: 15 },
        { type: "Percent", value: 100, periodSeconds: 15 },
      ],
      ...scaleUp,
    },
    scaleDown: { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }], ...scaleDown },
  };
}
