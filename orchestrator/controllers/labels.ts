/** Whether `labels` (or annotations) hold every pair of `wanted`: the plain form of a selector. */
export function holds(labels: Readonly<Record<string, string>> | undefined, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}
