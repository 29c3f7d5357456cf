/** Refuses what would take a namespace beyond its quotas. Spec: Kubernetes documentation, "Resource Quotas". */
import type { KubeObject } from "../../cluster.ts";
import { forbidden } from "../../errors.ts";
import { formatQuantity, parseQuantity } from "../../schema/quantity.ts";
import { nameOf } from "../../schema/resource.ts";
import type { WriteRequest } from "../request.ts";
import { count, type Amounts } from "./amounts.ts";
import { covers, usedOf } from "./quota.ts";
import { usageOf } from "./usage.ts";

const QUOTAS = "resourcequotas";

/** Names that every container has to set where a quota limits them. */
const computed = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/** Before `object` is created. @throws {ApiError} `Forbidden` */
export function checkQuotas({ resource, transaction, namespace, name }: WriteRequest, object: KubeObject): void {
  if (namespace === "") return;
  for (const quota of transaction.list(QUOTAS, namespace)) {
    if (!covers(quota, nameOf(resource), object)) continue;
    const unset = resource.kind === "Pod" ? unsetBy(quota, object) : "";
    if (unset !== "") throw forbidden(resource, name, `failed quota: ${quota.metadata.name}: must specify ${unset}`);
    const excess = excessOf(quota, usageOf(nameOf(resource), object), (kind, space) => transaction.list(kind, space));
    if (excess !== undefined) throw forbidden(resource, name, `exceeded quota: ${quota.metadata.name}, ${excess}`);
  }
}

/** `requests.cpu for: web,cache; limits.memory for: web`; empty when nothing is missing. */
function unsetBy({ spec }: KubeObject, pod: KubeObject): string {
  const containers: readonly any[] = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  return Object.keys(spec?.hard ?? {})
    .filter((name) => computed.includes(name))
    .toSorted()
    .flatMap((name) => {
      const [list, key] = name.includes(".") ? name.split(".") : ["requests", name];
      const missing = containers.filter(({ resources }) => resources?.[list ?? ""]?.[key ?? ""] === undefined).map((container): string => container.name);
      return missing.length === 0 ? [] : [`${name} for: ${missing.toSorted().join(",")}`];
    })
    .join("; ");
}

function excessOf(quota: KubeObject, asked: Amounts, list: Parameters<typeof usedOf>[1]): string | undefined {
  const hard = quota.spec?.hard ?? {};
  const used = usedOf(quota, list);
  const names = Object.keys(hard)
    .filter((name) => {
      const more = asked[name]?.nano ?? 0n;
      return more > 0n && (used[name]?.nano ?? 0n) + more > (parseQuantity(hard[name])?.nano ?? 0n);
    })
    .toSorted();
  if (names.length === 0) return undefined;
  const text = (amountOf: (name: string) => string): string => names.map((name) => `${name}=${amountOf(name)}`).join(",");
  const requested = text((name) => formatQuantity(asked[name] ?? count(0)));
  return `requested: ${requested}, used: ${text((name) => formatQuantity(used[name] ?? count(0)))}, limited: ${text((name) => String(hard[name]))}`;
}
