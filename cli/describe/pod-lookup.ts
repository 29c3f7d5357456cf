/** What references in a pod's variables stand for. Pure. Spec: Kubernetes docs, "Downward API". */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatQuantity, milliOf, parseQuantity, wholeOf } from "../../orchestrator/schema/quantity.ts";
import type { Lookup } from "./environment.ts";
import type { PodSpec } from "./pod-types.ts";

export function podLookup(pod: KubeObject): Lookup {
  const spec: PodSpec = pod.spec;
  return {
    field(path) {
      const found = path.split(".").reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name], pod);
      return typeof found === "string" || typeof found === "number" ? String(found) : "";
    },
    resource(name, resource) {
      const [kind = "", what = ""] = resource.split(".");
      const container = [...(spec.initContainers ?? []), ...spec.containers].find((one) => one.name === name);
      const amount = container?.resources?.[kind as "limits" | "requests"]?.[what];
      if (amount === undefined) return kind === "limits" ? "node allocatable" : "0";
      return counted(what, amount);
    },
  };
}

/** Whole processors, rounded up, and whole bytes. */
function counted(what: string, amount: string): string {
  if (what === "cpu") return String(Math.ceil(milliOf(amount) / 1000));
  return parseQuantity(amount) === undefined ? amount : formatQuantity({ nano: BigInt(wholeOf(amount)) * 1_000_000_000n, format: "decimal" });
}
