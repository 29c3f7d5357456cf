/** kubectl's JSONPath over plain data. Fields that are absent are nothing, as kubectl has it. Pure. */
import { isRecord } from "../../orchestrator/schema/decode.ts";
import { EXIT, ExitError } from "../errors.ts";
import { type Comparison, type Node, parseJsonPath, type Path } from "./jsonpath-parse.ts";

/** @throws {ExitError} for a template that does not parse, or does not fit the data */
export function renderJsonPath(template: string, data: unknown): string {
  return evaluate(parseJsonPath(template), data)
    .map((values) => values.map(show).join(" "))
    .join("");
}

/** All that the template finds, in one list. */
export function findAll(paths: readonly Path[], data: unknown): readonly unknown[] {
  return evaluate(paths, data).flat();
}

/** What each path finds; ranges are gone through. */
function evaluate(paths: readonly Path[], data: unknown): readonly (readonly unknown[])[] {
  const run = (from: number, dot: unknown): { readonly results: (readonly unknown[])[]; readonly next: number } => {
    const results: (readonly unknown[])[] = [];
    for (let at = from; at < paths.length; at++) {
      const [head, ...rest] = paths[at]!;
      if (head?.kind === "end") return { results, next: at + 1 };
      if (head?.kind !== "range") {
        results.push(walk(paths[at]!, [dot]));
        continue;
      }
      const end = endOf(paths, at);
      for (const item of walk(rest, [dot])) results.push(...run(at + 1, item).results);
      if (end < paths.length) at = end; // one without an end is, in kubectl, gone through and then read on with
    }
    return { results, next: paths.length };
  };
  const first = paths.findIndex(([head]) => head?.kind === "range" || head?.kind === "end");
  if (paths[first]?.[0]?.kind === "end") throw new ExitError(EXIT.refused, "error executing jsonpath: not in range, nothing to end");
  return run(0, data).results;
}

/** Where the range that begins at `from` ends. */
function endOf(paths: readonly Path[], from: number): number {
  let depth = 0;
  for (let at = from; at < paths.length; at++) {
    const kind = paths[at]?.[0]?.kind;
    if (kind === "range") depth++;
    else if (kind === "end" && --depth === 0) return at;
  }
  return paths.length;
}

function walk(path: Path, values: readonly unknown[]): readonly unknown[] {
  return path.reduce((found, node) => step(node, found), values);
}

function step(node: Node, values: readonly unknown[]): readonly unknown[] {
  switch (node.kind) {
    case "text":
      return [node.text];
    case "literal":
      return [node.value];
    case "field":
      return node.name === "" ? values : values.flatMap((value) => fieldOf(value, node.name));
    case "wildcard":
      return values.flatMap(childrenOf);
    case "recursive":
      return values.flatMap(descend);
    case "slice":
      return values.flatMap((value) => sliceOf(node, value));
    case "union":
      return node.paths.flatMap((path) => walk(path, values));
    case "filter":
      return values.flatMap((value) => listOf(value, "cannot be filtered").filter((item) => matches(node, item)));
    case "range":
    case "end":
      throw new ExitError(EXIT.refused, `error executing jsonpath: ${node.kind} stands alone in its braces`);
  }
}

function fieldOf(value: unknown, name: string): readonly unknown[] {
  return isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : [];
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

function descend(value: unknown): readonly unknown[] {
  return [value, ...childrenOf(value).flatMap(descend)];
}

function sliceOf({ from, to, step: by, single }: Extract<Node, { kind: "slice" }>, value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  const list = listOf(value, "");
  const size = list.length;
  const start = (from ?? 0) < 0 ? (from ?? 0) + size : (from ?? 0);
  if (single && (start < 0 || start >= size))
    throw new ExitError(EXIT.refused, `error executing jsonpath: array index out of bounds: index ${from}, length ${size}`);
  if (single) return [list[start]];
  const end = Math.min((to ?? size) < 0 ? (to ?? size) + size : (to ?? size), size);
  if (by <= 0) throw new ExitError(EXIT.refused, "error executing jsonpath: step must be > 0");
  return list.slice(Math.max(0, start), Math.max(0, end)).filter((_, index) => index % by === 0);
}

function listOf(value: unknown, why: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ExitError(EXIT.refused, `error executing jsonpath: ${show(value)} is not array or slice${why === "" ? "" : ` and ${why}`}`);
}

function matches({ left, operator, right }: Extract<Node, { kind: "filter" }>, item: unknown): boolean {
  const lefts = walk(left, [item]);
  if (operator === "exists") return lefts.length > 0;
  const rights = walk(right, [item]);
  if (lefts.length > 1 || rights.length > 1) throw new ExitError(EXIT.refused, "error executing jsonpath: can only compare one element at a time");
  return lefts.length === 1 && rights.length === 1 && compare(lefts[0], operator, rights[0]);
}

function compare(left: unknown, operator: Exclude<Comparison, "exists">, right: unknown): boolean {
  if (typeof left !== typeof right) throw new ExitError(EXIT.refused, "error executing jsonpath: incompatible types for comparison");
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return (left as number) < (right as number);
    case "<=":
      return (left as number) <= (right as number);
    case ">":
      return (left as number) > (right as number);
    case ">=":
      return (left as number) >= (right as number);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : value === null || value === undefined ? "" : goJson(value);
}

/** Go's encoder: what HTML means something by is escaped. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
