/** Checks of single fields, to put together in the table of rules (rules.ts). */
import { duplicate, invalid, notSupported, required, type FieldError } from "../field-error.ts";
import { configKeyProblem } from "../names.ts";
import { compareQuantities } from "../quantity.ts";

export type StructRule = (value: any, path: string) => readonly FieldError[];

/** A check of one field; `undefined` values are passed on, most checks let them be. */
export type FieldRule = (value: any, path: string) => readonly FieldError[];

export const needed: FieldRule = (value, path) => (value === undefined || value === "" || (Array.isArray(value) && value.length === 0) ? [required(path)] : []);

/** `supported` is told in the order given. */
export const oneOf =
  (...supported: string[]): FieldRule =>
  (value, path) =>
    value === undefined || supported.includes(value) ? [] : [notSupported(path, value, supported)];

export const neededOneOf =
  (...supported: string[]): FieldRule =>
  (value, path) =>
    value === undefined || value === "" ? [required(path)] : oneOf(...supported)(value, path);

export const atLeast =
  (least: number): FieldRule =>
  (value, path) =>
    value === undefined || value >= least ? [] : [invalid(path, value, `must be greater than or equal to ${least}`)];

export const within =
  (least: number, most: number): FieldRule =>
  (value, path) => [
    ...atLeast(least)(value, path),
    ...(value !== undefined && value > most ? [invalid(path, value, `must be less than or equal to ${most}`)] : []),
  ];

export const notNegative: FieldRule = atLeast(0);

export const positive: FieldRule = (value, path) => (value === undefined || value > 0 ? [] : [invalid(path, value, "must be greater than 0")]);

export const between =
  (low: number, high: number): FieldRule =>
  (value, path) =>
    value === undefined || (value >= low && value <= high) ? [] : [invalid(path, value, `must be between ${low} and ${high}, inclusive`)];

export const port: FieldRule = between(1, 65_535);

export const neededPort: FieldRule = (value, path) => (value === undefined || value === 0 ? [required(path)] : port(value, path));

export const optionalPort: FieldRule = (value, path) => (value === undefined || value === 0 ? [] : port(value, path));

/** Checks whatever is there, also when it is empty. */
export const checked =
  (problemOf: (value: any) => string | undefined): FieldRule =>
  (value, path) => {
    const problem = value === undefined ? undefined : problemOf(value);
    return problem === undefined ? [] : [invalid(path, value, problem)];
  };

export const named =
  (problemOf: (name: string) => string | undefined): FieldRule =>
  (value, path) =>
    value === "" ? [] : checked(problemOf)(value, path);

export const neededBecause =
  (detail: string): FieldRule =>
  (value, path) =>
    value === undefined || value === "" || (Array.isArray(value) && value.length === 0) ? [required(path, detail)] : [];

export const each =
  (rule: FieldRule): FieldRule =>
  (items: readonly unknown[] | undefined, path) =>
    (items ?? []).flatMap((item, index) => rule(item, `${path}[${index}]`));

export const neededName =
  (problemOf: (name: string) => string | undefined): FieldRule =>
  (value, path) => [...needed(value, path), ...named(problemOf)(value, path)];

export const unique =
  (key: string): FieldRule =>
  (items: readonly any[] | undefined, path) => {
    const seen = new Set<unknown>();
    return (items ?? []).flatMap((item, index) => {
      const repeated = item[key] !== undefined && item[key] !== "" && seen.has(item[key]);
      seen.add(item[key]);
      return repeated ? [duplicate(`${path}[${index}].${key}`, item[key])] : [];
    });
  };

export const keys: FieldRule = (value, path) => Object.keys(value ?? {}).flatMap((key) => named(configKeyProblem)(key, `${path}[${key}]`));

const percentSays = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** `25%` or a count. */
export const countOrPercent: FieldRule = (value, path) => {
  if (typeof value === "string") return /^\d+%$/.test(value) ? [] : [invalid(path, value, percentSays)];
  return notNegative(value, path);
};

export const notAbove100Percent: FieldRule = (value, path) =>
  typeof value === "string" && Number.parseInt(value, 10) > 100 ? [invalid(path, value, "must not be greater than 100%")] : [];

export const all =
  (...rules: FieldRule[]): FieldRule =>
  (value, path) =>
    rules.flatMap((rule) => rule(value, path));

export function fields(rules: Readonly<Record<string, FieldRule>>): StructRule {
  const rows = Object.entries(rules);
  return (value, path) => rows.flatMap(([name, rule]) => rule(value[name], path === "" ? name : `${path}.${name}`));
}

/** Of a map from resource to amount. */
export const quantities: FieldRule = (value, path) =>
  Object.entries(value ?? {}).flatMap(([key, amount]) =>
    compareQuantities(amount as string, "0") < 0 ? [invalid(`${path}[${key}]`, amount, "must be greater than or equal to 0")] : [],
  );
