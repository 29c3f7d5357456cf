/**
 * Who may do what, from a policy file (YAML or JSON):
 *
 *     rules:
 *       - users: [ann, ci]            # "*" is everyone who logged in, "anonymous" whoever did not
 *         repositories: ["team/*"]    # * is one part of a name, ** any number of them
 *         actions: [pull, push]       # pull, push, delete, or "*"
 *
 * What no rule allows is refused. Listing repositories shows those that one may pull.
 */
import { parse } from "yaml";
import { RegistryError } from "../errors.ts";
import type { Action, Permission } from "./access.ts";

const ACTIONS: readonly Action[] = ["pull", "push", "delete"];
export const ANONYMOUS = "anonymous";

export interface Policy {
  readonly rules: readonly Rule[];
}

interface Rule {
  readonly users: readonly string[];
  readonly repositories: readonly RegExp[];
  readonly actions: readonly string[];
}

/** `user` undefined: nobody logged in. */
export function permits({ rules }: Policy, user: string | undefined, permission: Permission): boolean {
  const own = rules.filter(({ users }) => users.includes(user ?? ANONYMOUS) || (user !== undefined && users.includes("*")));
  if (permission.kind !== "repository") return user !== undefined || own.length > 0;
  return own.some(
    ({ repositories, actions }) =>
      (actions.includes("*") || actions.includes(permission.action)) && repositories.some((pattern) => pattern.test(permission.name)),
  );
}

/** @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` naming the rule that cannot be understood */
export function parsePolicy(text: string, path: string): Policy {
  const refuse = (found: string, cause?: unknown): RegistryError =>
    new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read the policy ${path}: ${found}`, { cause });
  const document = parsed(text, refuse);
  const rules = isRecord(document) ? document["rules"] : undefined;
  if (!isRecord(document) || !Array.isArray(rules)) throw refuse("it has no list of rules");
  const unknown = Object.keys(document).find((key) => key !== "rules");
  if (unknown !== undefined) throw refuse(`${JSON.stringify(unknown)} is unknown: only rules is`);
  return { rules: rules.map((rule: unknown, index) => readRule(rule, (found) => refuse(`rules[${index}]${found}`))) };
}

function parsed(text: string, refuse: (found: string, cause: unknown) => RegistryError): unknown {
  try {
    return parse(text) as unknown;
  } catch (cause) {
    throw refuse(cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause), cause);
  }
}

function readRule(rule: unknown, refuse: (found: string) => RegistryError): Rule {
  if (!isRecord(rule)) throw refuse(" is not a mapping");
  const unknown = Object.keys(rule).find((key) => key !== "users" && key !== "repositories" && key !== "actions");
  if (unknown !== undefined) throw refuse(`.${unknown} is unknown: users, repositories and actions are`);
  const words = (key: string): readonly string[] => {
    const value = rule[key];
    if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) return value;
    throw refuse(`.${key} is not a list of words`);
  };
  const [users, repositories, actions] = [words("users"), words("repositories"), words("actions")];
  const wrong = actions.find((action) => action !== "*" && !ACTIONS.some((known) => known === action));
  if (wrong !== undefined) throw refuse(`.actions: ${JSON.stringify(wrong)} is none of pull, push, delete and *`);
  return { users, repositories: repositories.map(toPattern), actions };
}

function toPattern(glob: string): RegExp {
  const source = glob.replaceAll(/\*\*|\*|[^*\w/-]/g, (part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : `\\${part}`));
  return new RegExp(`^${source}$`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
