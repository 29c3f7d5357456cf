/** --format: Go templates over plain data, as docker and podman take them. */
import { UsageError } from "./errors.ts";
import { parseTemplate, type Node, type Operand, type Path, type Pipeline } from "./template-parse.ts";

/** `index` counts the fields of `path`. */
export type FieldOf = (value: unknown, path: Path, index: number) => unknown;

type Variables = ReadonlyMap<string, unknown>;

interface Scope {
  /** What a field of a path is worth. */
  readonly fieldOf: FieldOf;
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
}

/** Fields that are absent print as `<no value>`, unless `field` has it otherwise. @throws {UsageError} for a template that does not parse */
export function renderTemplate(template: string, data: unknown, field: FieldOf = lenient): string {
  return render(parseTemplate(template), { fieldOf: field, dot: data, variables: new Map([["$", data]]) });
}

const lenient: FieldOf = (value, { fields }, index) => fieldOf(value, fields[index] ?? "");

function render(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join("");
}

function renderNode(node: Node, scope: Scope): string {
  if (node.kind === "text") return node.text.replaceAll(String.raw`\t`, "\t").replaceAll(String.raw`\n`, "\n");
  const value = evaluate(node.pipeline, scope);
  if (node.kind === "value") {
    if (node.variable === undefined) return show(value);
    scope.variables.set(node.variable, value);
    return "";
  }
  if (node.kind === "range") return renderRange(node, value, scope);
  const variables = bind(scope.variables, node.variables, [value]);
  if (!isTrue(value)) return render(node.otherwise, scope);
  return render(node.body, { ...scope, dot: node.kind === "with" ? value : scope.dot, variables });
}

function renderRange(node: Extract<Node, { variables: unknown }>, value: unknown, scope: Scope): string {
  const items: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
    ? value.map((item, index) => [index, item] as const)
    : typeof value === "object" && value !== null
      ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
      : [];
  if (items.length === 0) return render(node.otherwise, scope);
  return items
    .map(([key, item]) =>
      render(node.body, { ...scope, dot: item, variables: bind(scope.variables, node.variables, node.variables.length > 1 ? [key, item] : [item]) }),
    )
    .join("");
}

function bind(variables: Variables, names: readonly string[], values: readonly unknown[]): Map<string, unknown> {
  return new Map([...variables, ...names.map((name, index) => [name, values[index]] as const)]);
}

function evaluate(pipeline: Pipeline, scope: Scope): unknown {
  const [first, ...others] = pipeline;
  const start = runCommand(first ?? [], [], scope);
  return others.reduce((piped, command) => runCommand(command, [piped], scope), start);
}

/** The value of the command before is the last argument. */
function runCommand([head, ...rest]: readonly Operand[], piped: readonly unknown[], scope: Scope): unknown {
  if (head === undefined) return undefined;
  const args = rest.map((operand) => valueOf(operand, scope));
  if (head.kind === "function") return call(head.name, args.concat(piped));
  const value = valueOf(head, scope);
  return typeof value === "function" ? (value as TemplateFunction)(...args, ...piped) : value;
}

function valueOf(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "group":
      return within(evaluate(operand.pipeline, scope), operand.fields, scope);
    case "function":
      return call(operand.name, []);
    case "path":
      return within(operand.root === "" ? scope.dot : scope.variables.get(operand.root), operand, scope);
  }
}

function within(start: unknown, path: Path | undefined, { fieldOf }: Scope): unknown {
  return path === undefined ? start : path.fields.reduce((value, _, index) => fieldOf(value, path, index), start);
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

const ESCAPED: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };

type TemplateFunction = (...args: readonly unknown[]) => unknown;

const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => JSON.stringify(value ?? null),
  len: (value) => (typeof value === "string" || Array.isArray(value) ? value.length : Object.keys(value ?? {}).length),
  index: (value, ...keys) => keys.reduce((at, key) => (Array.isArray(at) ? (at as unknown[])[Number(key)] : fieldOf(at, String(key))), value),
  join: (list, separator) => (Array.isArray(list) ? list.map(show).join(show(separator)) : show(list)),
  split: (text, separator) => String(text).split(String(separator)),
  upper: (text) => show(text).toUpperCase(),
  lower: (text) => show(text).toLowerCase(),
  title: (text) => show(text).replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase()),
  truncate: (text, length) => show(text).slice(0, Number(length)),
  pad: (text, before, after) => (text === "" ? "" : `${" ".repeat(Number(before))}${show(text)}${" ".repeat(Number(after))}`),
  slice: sliceOf,
  html: (...parts) =>
    parts
      .map(show)
      .join(" ")
      .replaceAll(/[&<>"']/g, (letter) => ESCAPED[letter] ?? letter),
  urlquery: (...parts) => encodeURIComponent(parts.map(show).join(" ")).replaceAll("%20", "+"),
  print: (...parts) => parts.map(show).join(" "),
  println: (...parts) => `${parts.map(show).join(" ")}\n`,
  printf: (format, ...values) => printf(show(format), values),
  eq: (first, ...others) => others.some((other) => other === first),
  ne: (a, b) => a !== b,
  lt: (a, b) => (a as number) < (b as number),
  gt: (a, b) => (a as number) > (b as number),
  le: (a, b) => (a as number) <= (b as number),
  ge: (a, b) => (a as number) >= (b as number),
  not: (value) => !isTrue(value),
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
};

function call(name: string, args: readonly unknown[]): unknown {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known === undefined) throw new UsageError(`template parsing error: function ${JSON.stringify(name)} not defined`);
  return known(...args);
}

/** From its first number to before its second. @throws {UsageError} for what is not in it */
function sliceOf(of: unknown, ...ends: readonly unknown[]): unknown {
  if (typeof of !== "string" && !Array.isArray(of)) throw new UsageError(`template parsing error: error calling slice: can't slice item of ${show(of)}`);
  const [from = 0, to = of.length] = ends.map(Number);
  for (const end of [from, to])
    if (!(end >= 0 && end <= of.length)) throw new UsageError(`template parsing error: error calling slice: index out of range: ${end}`);
  if (from > to) throw new UsageError(`template parsing error: error calling slice: invalid slice index: ${from} > ${to}`);
  return of.slice(from, to);
}

function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replaceAll(/%\+?(-?\d+)?(?:\.\d+)?([%sdvqft])/g, (_, width: string | undefined, verb: string) => {
    if (verb === "%") return "%";
    const text = verb === "q" ? JSON.stringify(show(values[next++])) : show(values[next++]);
    const columns = Number(width ?? 0);
    return columns < 0 ? text.padEnd(-columns) : text.padStart(columns);
  });
}

/** Go's truth: everything but zero, empty and nil. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go's fmt prints it. */
export function show(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "string") return value;
  if (typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([key, field]) => `${key}:${show(field)}`).join(" ")}]`;
}
