/** Pure: the device rules that hold: the spec's, and what every container may open whatever the spec says. */
import { DEFAULT_DEVICE_RULES } from "../../defaults.ts";
import type { Resources } from "../../spec.ts";

export type DeviceRule = NonNullable<Resources["devices"]>[number];

/** Without rules nothing but the harmless devices is allowed; a spec that denies all means all but these. */
export function completeDeviceRules(rules: readonly DeviceRule[] | undefined): readonly DeviceRule[] {
  if (rules === undefined || rules.length === 0) return DEFAULT_DEVICE_RULES;
  if (isUnrestricted(rules)) return rules;
  const known = new Set(rules.map(text));
  return [...rules, ...DEFAULT_DEVICE_RULES.filter((rule) => rule.allow && !known.has(text(rule)))];
}

/** The last word on all devices is that they are allowed. */
export function isUnrestricted(rules: readonly DeviceRule[]): boolean {
  return rules.findLastIndex((rule) => rule.allow && isAll(rule)) > rules.findLastIndex((rule) => !rule.allow);
}

export function isAll({ type = "a" }: DeviceRule): boolean {
  return type === "a";
}

function text(rule: DeviceRule): string {
  return [rule.allow, rule.type, rule.major, rule.minor, rule.access].join(" ");
}
