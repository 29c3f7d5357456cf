/** Label selectors, as objects of the API and as the query text. Spec: "Labels and Selectors". */
import { member } from "./member.ts";

export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

export type Labels = Readonly<Record<string, string>> | undefined;

/** An absent selector selects nothing, an empty one everything. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  return selector !== undefined && requirementsOf(selector).every((requirement) => meets(labels, requirement));
}

export function requirementsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Requirement[] {
  return [
    ...Object.entries(matchLabels).map(([key, value]): Requirement => ({ key, operator: "In", values: [value] })),
    ...matchExpressions.map(({ key, operator, values = [] }): Requirement => ({ key, operator: operator as Requirement["operator"], values })),
  ];
}

export function meets(labels: Labels, { key, operator, values }: Requirement): boolean {
  const value = member(labels, key);
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  const listed = value !== undefined && values.includes(value);
  return operator === "In" ? listed : !listed;
}

/** As `kubectl get -o wide` prints it. */
export function formatSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "<none>";
  const parts = requirementsOf(selector).map(({ key, operator, values }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    const [only] = values;
    if (operator === "In" && values.length === 1) return `${key}=${only}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.toSorted().join(",")})`;
  });
  return parts.length === 0 ? "<none>" : parts.join(",");
}

const setBased = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/;
const equality = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/;

/** Reads `a=b,c in (d,e),!f`; undefined when it is none. */
export function parseSelector(text: string): Requirement[] | undefined {
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const requirements = parts.filter((part) => part !== "").map(parseRequirement);
  return requirements.includes(undefined) ? undefined : (requirements as Requirement[]);
}

function parseRequirement(text: string): Requirement | undefined {
  const set = setBased.exec(text);
  if (set !== null) return { key: set[1]!, operator: set[2] === "in" ? "In" : "NotIn", values: set[3]!.split(",").map((value) => value.trim()) };
  const equals = equality.exec(text);
  if (equals !== null) return { key: equals[1]!, operator: equals[2] === "!=" ? "NotIn" : "In", values: [equals[3]!] };
  const exists = /^(!?)\s*([^\s!=(),]+)$/.exec(text);
  if (exists === null) return undefined;
  return { key: exists[2]!, operator: exists[1] === "!" ? "DoesNotExist" : "Exists", values: [] };
}
