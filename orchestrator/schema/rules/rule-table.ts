/** Rules keyed by type. Several tables may speak of one type: their rules add up. */
import type { StructRule } from "./field-rules.ts";

export type RuleTable = Readonly<Record<string, readonly StructRule[]>>;

export function joinRules(...tables: readonly RuleTable[]): RuleTable {
  const joined: Record<string, readonly StructRule[]> = {};
  for (const table of tables) for (const [type, rules] of Object.entries(table)) joined[type] = [...(joined[type] ?? []), ...rules];
  return joined;
}
