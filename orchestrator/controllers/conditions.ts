/** Conditions of a status: one of each type, transition time only when the status turns. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastUpdateTime?: string;
  readonly lastProbeTime?: string | null;
}

export function findCondition(object: { readonly status?: { readonly conditions?: readonly Condition[] } }, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** Adds or replaces; the same status keeps its transition time. */
export function setCondition(conditions: readonly Condition[], next: Condition, now: string): readonly Condition[] {
  const current = conditions.find((condition) => condition.type === next.type);
  const transition = current?.status === next.status ? (current.lastTransitionTime ?? now) : now;
  const merged = { ...next, lastTransitionTime: transition };
  return current === undefined ? [...conditions, merged] : conditions.map((condition) => (condition === current ? merged : condition));
}

export function withoutCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}
