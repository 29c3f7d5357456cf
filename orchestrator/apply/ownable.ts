/** An object without what nobody owns: its identity, and what the system counts. */
const unowned: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "selfLink",
  "managedFields",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
]);

export function ownable(object: unknown): unknown {
  const { apiVersion: _, kind: __, metadata, ...rest } = object as Record<string, unknown>;
  const owned = Object.fromEntries(Object.entries((metadata ?? {}) as Record<string, unknown>).filter(([name]) => !unowned.has(name)));
  return Object.keys(owned).length === 0 ? rest : { metadata: owned, ...rest };
}
