/** Gives containers the requests and limits that their namespace has for those who say none, and refuses what is out of its range. Spec: Kubernetes documentation, "Limit Ranges". */
import type { KubeObject } from "../cluster.ts";
import { forbidden } from "../errors.ts";
import { compareQuantities, formatQuantity, parseQuantity } from "../schema/quantity.ts";
import { formatAmounts, podAmounts } from "./quota/amounts.ts";
import type { WriteRequest } from "./request.ts";

const RANGES = "limitranges";
const ANNOTATION = "kubernetes.io/limit-ranger";

type List = Readonly<Record<string, string>>;

interface Item {
  readonly type: string;
  readonly min?: List;
  readonly max?: List;
  readonly default?: List;
  readonly defaultRequest?: List;
  readonly maxLimitRequestRatio?: List;
}

interface Resources {
  readonly requests?: List;
  readonly limits?: List;
}

/** Changes `pod`. @throws {ApiError} `Forbidden` */
export function limitPod(request: WriteRequest, pod: any): void {
  const items = itemsOf(request);
  for (const item of items.filter(({ type }) => type === "Container")) fillIn(pod, item);
  const containers: readonly any[] = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  const whole: Resources = { requests: formatAmounts(podAmounts(pod.spec, "requests")), limits: formatAmounts(podAmounts(pod.spec, "limits")) };
  refuse(
    request,
    items.flatMap((item) => {
      if (item.type === "Container") return containers.flatMap(({ resources = {} }) => objections(item, resources));
      return item.type === "Pod" ? objections(item, whole) : [];
    }),
  );
}

/** @throws {ApiError} `Forbidden` */
export function limitClaim(request: WriteRequest, claim: KubeObject): void {
  const { requests = {} } = claim.spec?.resources ?? {};
  refuse(
    request,
    itemsOf(request)
      .filter(({ type }) => type === "PersistentVolumeClaim")
      .flatMap(({ type, min, max }) => [
        ...bounds(min, (key, least) => below(requests[key], least, `minimum ${key} usage per ${type} is ${least}, but request is ${requests[key]}`)),
        ...bounds(max, (key, most) => above(requests[key], most, `maximum ${key} usage per ${type} is ${most}, but request is ${requests[key]}`)),
      ]),
  );
}

function itemsOf({ transaction, namespace }: WriteRequest): readonly Item[] {
  return transaction.list(RANGES, namespace).flatMap(({ spec }) => spec?.limits ?? []);
}

function refuse({ resource, name }: WriteRequest, problems: readonly string[]): void {
  if (problems.length > 0) throw forbidden(resource, name, problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`);
}

function fillIn(pod: any, { default: limits = {}, defaultRequest: requests = {} }: Item): void {
  const told: string[] = [];
  for (const [list, kind] of [
    ["initContainers", "init container"],
    ["containers", "container"],
  ] as const) {
    for (const container of pod.spec[list] ?? []) {
      for (const [part, defaults] of [
        ["requests", requests],
        ["limits", limits],
      ] as const) {
        const missing = Object.keys(defaults).filter((key) => container.resources?.[part]?.[key] === undefined);
        if (missing.length === 0) continue;
        const added = Object.fromEntries(missing.map((key) => [key, defaults[key]]));
        container.resources = { ...container.resources, [part]: { ...container.resources?.[part], ...added } };
        told.push(`${missing.toSorted().join(", ")} ${part.slice(0, -1)} for ${kind} ${container.name}`);
      }
    }
  }
  if (told.length === 0) return;
  pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${told.join("; ")}` };
}

function objections({ type, min, max, maxLimitRequestRatio }: Item, { requests = {}, limits = {} }: Resources): readonly string[] {
  return [
    ...bounds(min, (key, least) => {
      const says = `minimum ${key} usage per ${type} is ${least}`;
      if (requests[key] === undefined) return [`${says}.  No request is specified`];
      return [...below(requests[key], least, `${says}, but request is ${requests[key]}`), ...below(limits[key], least, `${says}, but limit is ${limits[key]}`)];
    }),
    ...bounds(max, (key, most) => {
      const says = `maximum ${key} usage per ${type} is ${most}`;
      if (limits[key] === undefined) return [`${says}.  No limit is specified`];
      return [...above(limits[key], most, `${says}, but limit is ${limits[key]}`), ...above(requests[key], most, `${says}, but request is ${requests[key]}`)];
    }),
    ...bounds(maxLimitRequestRatio, (key, most) =>
      ratioObjection(`${key} max limit to request ratio per ${type} is ${most}`, most, requests[key], limits[key]),
    ),
  ];
}

function ratioObjection(says: string, most: string, request: string | undefined, limit: string | undefined): readonly string[] {
  const [asked, capped] = [numberOf(request), numberOf(limit)];
  if (asked === 0) return [`${says}, but no request is specified or request is 0`];
  if (capped === 0) return [`${says}, but no limit is specified or limit is 0`];
  return capped / asked > numberOf(most) ? [`${says}, but provided ratio is ${(capped / asked).toFixed(6)}`] : [];
}

function bounds(list: List | undefined, check: (key: string, bound: string) => readonly string[]): readonly string[] {
  return Object.entries(list ?? {}).flatMap(([key, bound]) => {
    const quantity = parseQuantity(bound);
    return check(key, quantity === undefined ? bound : formatQuantity(quantity));
  });
}

function below(value: string | undefined, least: string, says: string): readonly string[] {
  return value !== undefined && compareQuantities(value, least) < 0 ? [says] : [];
}

function above(value: string | undefined, most: string, says: string): readonly string[] {
  return value !== undefined && compareQuantities(value, most) > 0 ? [says] : [];
}

function numberOf(text: string | undefined): number {
  return Number(text === undefined ? 0n : (parseQuantity(text)?.nano ?? 0n)) / 1e9;
}
