/** Nobody gives away rights that they do not have, neither in a role nor by a binding. Spec: "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping". */
import type { KubeObject } from "../../cluster.ts";
import { forbidden, notFound } from "../../errors.ts";
import type { LogReader } from "../../log/object-log.ts";
import type { Resource } from "../../schema/resource.ts";
import { ADMINISTRATORS, type User } from "./authenticate.ts";
import { isAllowed, permits, RBAC, roleOf, rulesOf, type PolicyRule } from "./authorize.ts";

/** What a role may hold beside its rules: other roles' rules, whichever they will be. */
const EVERYTHING: PolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };

/** @throws {ApiError} `Forbidden`; `NotFound` for a binding to a role that is not there, which could become any */
export function refuseEscalation(log: LogReader, user: User, resource: Resource, object: KubeObject): void {
  if (resource.group !== RBAC || user.groups.includes(ADMINISTRATORS)) return;
  const { name, namespace = "" } = object.metadata;
  const isBinding = object["roleRef"] !== undefined;
  const [verb, what, whose] = isBinding
    ? (["bind", object["roleRef"].kind === "Role" ? "roles" : "clusterroles", object["roleRef"].name] as const)
    : (["escalate", resource.resource, name] as const);
  if (isAllowed(log, user, { verb, group: RBAC, resource: what, namespace, name: whose })) return;
  const role = isBinding ? roleOf(log, object) : object;
  if (role === undefined) throw notFound({ resource: what, group: RBAC }, whose);
  const held = rulesOf(log, user, namespace);
  const rules: readonly PolicyRule[] = [...(role["rules"] ?? []), ...(role["aggregationRule"] === undefined ? [] : [EVERYTHING])];
  const missing = rules.filter((rule) => !covers(held, rule));
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(" ");
  const told = missing.map((rule) => `\n${described(rule)}`).join("");
  throw forbidden(resource, name, `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:${told}`);
}

/** Each right that a rule gives is in one of those that are held. */
function covers(held: readonly PolicyRule[], { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): boolean {
  const names = resourceNames.length === 0 ? [""] : resourceNames;
  const attempts = verbs.flatMap((verb) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => names.map((name) => ({ verb, group, resource, namespace: "", name })))),
  );
  const urls = verbs.flatMap((verb) => nonResourceURLs.map((url) => ({ verb, url })));
  return (
    attempts.every((attempt) => held.some((rule) => permits(rule, attempt))) &&
    urls.every(({ verb, url }) => held.some((rule) => (rule.verbs?.includes("*") || rule.verbs?.includes(verb)) && rule.nonResourceURLs?.some(reaches(url))))
  );
}

function reaches(url: string): (pattern: string) => boolean {
  return (pattern) => pattern === url || (pattern.endsWith("*") && url.startsWith(pattern.slice(0, -1)));
}

function described({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  const parts = { APIGroups: apiGroups, Resources: resources, ResourceNames: resourceNames, NonResourceURLs: nonResourceURLs, Verbs: verbs };
  const told = Object.entries(parts).flatMap(([name, list]) => (list === undefined || list.length === 0 ? [] : [`${name}:${JSON.stringify(list)}`]));
  return `{${told.join(", ")}}`;
}
