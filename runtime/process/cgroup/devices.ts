/** Pure: the device rules that hold: the spec's, and what every container may open whatever the spec says. */
import { DEFAULT_DEVICE_RULES } from "../../defaults.ts";
import type { Resources } from "../../spec.ts";

type Rule = NonNullable<Resources["devices"]>[number];

/** Without rules nothing but the harmless devices is allowed; a spec that denies all means all but these. */
export function completeDeviceRules(rules: readonly Rule[] | undefined): readonly Rule[] {
  if (rules === undefined || rules.length === 0) return DEFAULT_DEVICE_RULES;
  const isOpen = rules.findLastIndex((rule) => rule.allow && isAll(rule)) > rules.findLastIndex((rule) => !rule.allow && isAll(rule));
  if (isOpen) return rules;
  const known = new Set(rules.map(text));
  return [...rules, ...DEFAULT_DEVICE_RULES.filter((rule) => rule.allow && !known.has(text(rule)))];
}

function isAll({ type = "a" }: Rule): boolean {
  return type === "a";
}

function text(rule: Rule): string {
  return [rule.allow, rule.type, rule.major, rule.minor, rule.access].join(" ");
}
