/** IntOrString: a count, or a percentage of a total. */
export function resolvePercent(value: number | string | undefined, total: number, round: "up" | "down"): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  const exact = (total * Number.parseInt(value, 10)) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}
