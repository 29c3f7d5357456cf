/** What a user may do: administrators everything, others what roles bound to them say. Spec: "Using RBAC Authorization". */
import type { KubeObject } from "../../cluster.ts";
import { ApiError } from "../../errors.ts";
import type { LogReader } from "../../log/object-log.ts";
import { nameOf } from "../../schema/resource.ts";
import { ADMINISTRATORS, type User } from "./authenticate.ts";
import type { Target } from "../target.ts";

export interface Attempt {
  readonly verb: string;
  readonly group: string;
  /** `pods`, or `pods/log`; a path when it is no resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PolicyRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

export const RBAC = "rbac.authorization.k8s.io";

export function isAllowed(log: LogReader, user: User, attempt: Attempt): boolean {
  return user.groups.includes(ADMINISTRATORS) || rulesOf(log, user, attempt.namespace).some((rule) => permits(rule, attempt));
}

/** The rules that hold for a user in a namespace, and everywhere. */
export function rulesOf(log: LogReader, user: User, namespace: string): PolicyRule[] {
  if (user.groups.includes(ADMINISTRATORS)) return [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
  const everywhere = log.list(`clusterrolebindings.${RBAC}`);
  const here = namespace === "" ? [] : log.list(`rolebindings.${RBAC}`, namespace);
  return [...everywhere, ...here].filter((binding) => names(binding, user)).flatMap((binding) => roleOf(log, binding)?.["rules"] ?? []);
}

/** The role that a binding gives. */
export function roleOf(log: LogReader, { metadata, roleRef }: KubeObject): KubeObject | undefined {
  if (roleRef?.kind === "Role") return log.get({ resource: `roles.${RBAC}`, namespace: metadata.namespace ?? "", name: roleRef.name });
  return log.get({ resource: `clusterroles.${RBAC}`, namespace: "", name: roleRef?.name ?? "" });
}

function names({ subjects }: KubeObject, user: User): boolean {
  return (subjects ?? []).some(({ kind, name, namespace }: { readonly kind: string; readonly name: string; readonly namespace?: string }) => {
    if (kind === "User") return name === user.name;
    if (kind === "Group") return user.groups.includes(name);
    return user.name === `system:serviceaccount:${namespace ?? ""}:${name}`;
  });
}

export function permits({ verbs = [], apiGroups = [], resources = [], resourceNames = [] }: PolicyRule, { verb, group, resource, name }: Attempt): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes("*") || list.includes(value);
  const subresource = resource.split("/")[1];
  const anySubresource = subresource !== undefined && resources.includes(`*/${subresource}`);
  return (
    has(verbs, verb) && has(apiGroups, group) && (has(resources, resource) || anySubresource) && (resourceNames.length === 0 || resourceNames.includes(name))
  );
}

/** What of a request decides. */
interface Asked {
  readonly api: { readonly log: LogReader };
  readonly user: User;
  readonly target: Target;
}

/** @throws {ApiError} `Forbidden` */
export function authorize({ api, user, target }: Asked, verb: string): void {
  const { resource, namespace, name = "", subresource } = target;
  const what = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
  if (isAllowed(api.log, user, { verb, group: resource.group, resource: what, namespace, name })) return;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const subject = name === "" ? nameOf(resource) : `${nameOf(resource)} ${JSON.stringify(name)}`;
  const found = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(resource.group)} ${where}`;
  throw new ApiError("Forbidden", `${subject} is forbidden: ${found}`, {
    ...(name !== "" && { name }),
    ...(resource.group !== "" && { group: resource.group }),
    kind: resource.resource,
  });
}
