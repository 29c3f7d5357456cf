/**
 * Who may do what, from a policy file (YAML or JSON):
 *
 *     rules:
 *       - users: [ann, ci]            # "*" is everyone who logged in, "anonymous" whoever did not
 *         repositories: ["team/*"]    # * is one part of a name, ** any number of them
 *         actions: [pull, push]       # pull, push, delete, or "*"
 *     quotas:
 *       - { repositories: ["team/*"], size: 10GB }   # for each of them
 *
 * What no rule allows is refused. Listing repositories shows those that one may pull.
 */
import { parse } from "yaml";
import { RegistryError } from "../errors.ts";
import type { Action, Permission } from "./access.ts";
import { parsePattern, type NamePattern } from "./name-pattern.ts";
import type { QuotaRule } from "./quota.ts";
import { parseSize } from "./parse-size.ts";

const ACTIONS: readonly Action[] = ["pull", "push", "delete"];
export const ANONYMOUS = "anonymous";

export interface Policy {
  readonly rules: readonly Rule[];
  readonly quotas: readonly QuotaRule[];
}

interface Rule {
  readonly users: readonly string[];
  readonly repositories: readonly NamePattern[];
  readonly actions: readonly string[];
}

/** `user` undefined: nobody logged in. Names of repositories are checked where they come in. */
export function permits({ rules }: Policy, user: string | undefined, permission: Permission): boolean {
  const own = rules.filter(({ users }) => users.includes(user ?? ANONYMOUS) || (user !== undefined && users.includes("*")));
  if (permission.kind !== "repository") return user !== undefined || own.length > 0;
  const { name, action } = permission;
  const acting = own.filter(({ actions }) => actions.includes("*") || actions.includes(action));
  return acting.some(({ repositories }) => repositories.some((matches) => matches(name)));
}

/** Users that it names, each once. */
export function usersOf({ rules }: Policy): readonly string[] {
  return [...new Set(rules.flatMap(({ users }) => users))].filter((user) => user !== "*" && user !== ANONYMOUS);
}

/** @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` naming the rule that cannot be understood */
export function parsePolicy(text: string, path: string): Policy {
  const refuse = (found: string, cause?: unknown): RegistryError =>
    new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read the policy ${path}: ${found}`, { cause, detail: { file: "policy" } });
  const document = parsed(text, refuse);
  const { rules, quotas = [], ...more } = isRecord(document) ? document : {};
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) throw refuse(`${JSON.stringify(unknown)} is unknown: rules and quotas are`);
  if (!Array.isArray(rules)) throw refuse("it has no list of rules");
  if (!Array.isArray(quotas)) throw refuse("its quotas are no list");
  return {
    rules: rules.map((rule: unknown, index) => readRule(rule, (found) => refuse(`rules[${index}]${found}`))),
    quotas: quotas.map((quota: unknown, index) => readQuota(quota, (found) => refuse(`quotas[${index}]${found}`))),
  };
}

function parsed(text: string, refuse: (found: string, cause: unknown) => RegistryError): unknown {
  try {
    return parse(text) as unknown;
  } catch (cause) {
    throw refuse(cause instanceof Error ? (cause.message.split("\n")[0] ?? "").replace(/:$/, "") : String(cause), cause);
  }
}

type Refuse = (found: string) => RegistryError;

function readRule(rule: unknown, refuse: Refuse): Rule {
  const { users, repositories, actions } = fields(rule, ["users", "repositories", "actions"], refuse);
  const allowed = words("actions", actions, refuse);
  const wrong = allowed.find((action) => action !== "*" && !ACTIONS.some((known) => known === action));
  if (wrong !== undefined) throw refuse(`.actions: ${JSON.stringify(wrong)} is none of pull, push, delete and *`);
  return { users: words("users", users, refuse), repositories: words("repositories", repositories, refuse).map(parsePattern), actions: allowed };
}

function readQuota(quota: unknown, refuse: Refuse): QuotaRule {
  const { repositories, size } = fields(quota, ["repositories", "size"], refuse);
  const bytes = typeof size === "number" || typeof size === "string" ? parseSize(String(size)) : undefined;
  if (bytes === undefined) throw refuse(`.size: ${JSON.stringify(size)} is no size: give 10GB, say`);
  return { repositories: words("repositories", repositories, refuse).map(parsePattern), bytes };
}

function fields(value: unknown, known: readonly string[], refuse: Refuse): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw refuse(" is not a mapping");
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw refuse(`.${unknown} is unknown: ${known.slice(0, -1).join(", ")} and ${known.at(-1)} are`);
  return value;
}

function words(key: string, value: unknown, refuse: Refuse): readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) return value;
  throw refuse(`.${key} is not a list of words`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
