/** Which nodes a pod may be on. Pure. */
import { type Labels, labelLines, titled } from "./fields.ts";
import type { Toleration } from "./pod-types.ts";

export function placementLines({
  nodeSelector,
  tolerations = [],
}: {
  readonly nodeSelector?: Labels;
  readonly tolerations?: readonly Toleration[];
}): readonly string[] {
  const texts = tolerations.toSorted(({ key: left = "" }, { key: right = "" }) => (left < right ? -1 : left > right ? 1 : 0)).map(tolerationText);
  return [...labelLines("Node-Selectors", nodeSelector), ...titled("Tolerations", texts)];
}

function tolerationText({ key = "", operator = "Equal", value = "", effect = "", tolerationSeconds }: Toleration): string {
  const whose = `${key}${value === "" ? "" : `=${value}`}${effect === "" ? "" : `:${effect}`}`;
  const exists = operator === "Exists" && value === "" ? `${whose === "" ? "" : " "}op=Exists` : "";
  return `${whose}${exists}${tolerationSeconds === undefined ? "" : ` for ${tolerationSeconds}s`}`;
}
