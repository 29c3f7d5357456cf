/** What the policies of a Job's spec must hold: which failures end it, which successes are enough. With the API server's words. */
import { duplicate, invalid, invalidWhole, notSupported, required, tooLong, tooMany, type FieldError } from "../field-error.ts";
import { named, notNegative, type StructRule } from "./field-rules.ts";
import { qualifiedNameProblem } from "../names.ts";

const MAX_RULES = 20;
const MAX_PATTERNS = 20;
const MAX_EXIT_CODES = 255;
const MAX_INDEXES_BYTES = 64 * 1024;
const ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS = ["In", "NotIn"];
const STATUSES = ["False", "True", "Unknown"];

export const failurePolicy: StructRule = (spec, path) => {
  const rules: readonly any[] = spec.podFailurePolicy?.rules ?? [];
  const at = `${path}.podFailurePolicy.rules`;
  return [...atMost(rules, MAX_RULES, at), ...rules.flatMap((rule, index) => failureRule(spec, rule, `${at}[${index}]`))];
};

function failureRule(spec: any, rule: any, path: string): readonly FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const lost = action === "FailIndex" && spec.backoffLimitPerIndex === undefined;
  const [both, neither] = [onExitCodes !== undefined && onPodConditions.length > 0, onExitCodes === undefined && onPodConditions.length === 0];
  return [
    ...(lost ? [invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set")] : chosen(action, ACTIONS, `${path}.action`)),
    ...(onExitCodes === undefined ? [] : exitCodes(spec, onExitCodes, `${path}.onExitCodes`)),
    ...podConditions(onPodConditions, `${path}.onPodConditions`),
    ...(both ? [invalidWhole(path, "specifying both OnExitCodes and OnPodConditions is not supported")] : []),
    ...(neither ? [invalidWhole(path, "specifying one of OnExitCodes and OnPodConditions is required")] : []),
  ];
}

function exitCodes(spec: any, { operator, containerName, values = [] }: any, path: string): readonly FieldError[] {
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names: readonly string[] = [...containers, ...initContainers].map(({ name }: any) => name);
  const codes: readonly number[] = values;
  const at = `${path}.values`;
  const unknown = containerName !== undefined && !names.includes(containerName);
  return [
    ...chosen(operator, OPERATORS, `${path}.operator`),
    ...(unknown ? [invalid(`${path}.containerName`, containerName, "must be one of the container or initContainer names in the pod template")] : []),
    ...(codes.length === 0 ? [invalid(at, codes, "at least one value is required")] : atMost(codes, MAX_EXIT_CODES, at)),
    ...codes.flatMap((code, index) => (operator === "In" && code === 0 ? [invalid(`${at}[${index}]`, code, "must not be 0 for the In operator")] : [])),
    ...codes.flatMap((code, index) => (codes.indexOf(code) < index ? [duplicate(`${at}[${index}]`, code)] : [])),
    ...(codes.some((code, index) => code < (codes[index - 1] ?? code)) ? [invalid(at, codes, "must be ordered")] : []),
  ];
}

function podConditions(patterns: readonly any[], path: string): readonly FieldError[] {
  const each = patterns.flatMap(({ type = "", status }, index) => [
    ...(type === "" ? [invalid(`${path}[${index}].type`, type, "name part must be non-empty")] : named(qualifiedNameProblem)(type, `${path}[${index}].type`)),
    ...chosen(status, STATUSES, `${path}[${index}].status`),
  ]);
  return [...atMost(patterns, MAX_PATTERNS, path), ...each];
}

export const successPolicy: StructRule = (spec, path) => {
  if (spec.successPolicy === undefined || spec.completionMode !== "Indexed") return [];
  const rules: readonly any[] = spec.successPolicy.rules ?? [];
  const at = `${path}.successPolicy.rules`;
  const none = rules.length === 0 ? [required(at, "at least one rules must be specified when the successPolicy is specified")] : [];
  return [...none, ...atMost(rules, MAX_RULES, at), ...rules.flatMap((rule, index) => successRule(spec.completions ?? 0, rule, `${at}[${index}]`))];
};

function successRule(completions: number, { succeededCount, succeededIndexes }: any, path: string): readonly FieldError[] {
  if (succeededCount === undefined && succeededIndexes === undefined)
    return [required(path, "at least one of succeededCount or succeededIndexes must be specified")];
  const at = `${path}.succeededCount`;
  const text: string | undefined = succeededIndexes;
  const read = text === undefined ? undefined : readIndexes(text, completions);
  const errors: FieldError[] = [...notNegative(succeededCount, at)];
  if (text !== undefined && text.length > MAX_INDEXES_BYTES) errors.push(tooLong(`${path}.succeededIndexes`, MAX_INDEXES_BYTES));
  if (typeof read === "string") errors.push(invalid(`${path}.succeededIndexes`, text, `error parsing succeededIndexes: ${read}`));
  if (succeededCount > completions)
    errors.push(invalid(at, succeededCount, `must be less than or equal to ${completions} (the number of specified completions)`));
  if (typeof read === "number" && succeededCount > read)
    errors.push(invalid(at, succeededCount, `must be less than or equal to ${read} (the number of indexes in the specified succeededIndexes field)`));
  return errors;
}

/** How many indexes `0,2-4` names; or what is wrong with it. */
function readIndexes(text: string, completions: number): number | string {
  let [last, count] = [-1, 0];
  for (const part of text === "" ? [] : text.split(",")) {
    const limits = part.split("-");
    if (limits.length > 2)
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    const [start = NaN, end = start] = limits.map((limit) => (/^\d+$/.test(limit) ? Number(limit) : NaN));
    if (Number.isNaN(start) || Number.isNaN(end))
      return `cannot convert string to integer for index: ${JSON.stringify(limits.find((limit) => !/^\d+$/.test(limit)))}`;
    if (start >= completions || end >= completions) return `too large index: ${JSON.stringify(String(start >= completions ? start : end))}`;
    if (start <= last) return `non-increasing order, previous: ${last}, current: ${start}`;
    if (limits.length === 2 && end <= start) return `non-increasing order, previous: ${start}, current: ${end}`;
    last = end;
    count += end - start + 1;
  }
  return count;
}

function chosen(value: string | undefined, supported: readonly string[], path: string): readonly FieldError[] {
  if (value === undefined || value === "") return [required(path, `valid values: [${supported.map((one) => JSON.stringify(one)).join(" ")}]`)];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

function atMost(items: readonly unknown[], limit: number, path: string): readonly FieldError[] {
  return items.length > limit ? [tooMany(path, items.length, limit)] : [];
}
