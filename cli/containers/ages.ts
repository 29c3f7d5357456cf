/** Times as docker's tables say them: `5 minutes ago`, `Up 2 hours`. Pure. */

const STEPS: readonly (readonly [limit: number, unit: string, seconds: number])[] = [
  [60, "second", 1],
  [3600, "minute", 60],
  [48 * 3600, "hour", 3600],
  [14 * 86_400, "day", 86_400],
  [60 * 86_400, "week", 7 * 86_400],
  [2 * 365 * 86_400, "month", 30 * 86_400],
  [Infinity, "year", 365 * 86_400],
];

export function humanDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "Less than a second";
  if (seconds >= 60 && seconds < 120) return "About a minute";
  if (seconds >= 3600 && seconds < 7200) return "About an hour";
  const [, unit, size] = STEPS.find(([limit]) => seconds < limit) ?? ([0, "second", 1] as const);
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

export function ago(moment: string, now: number): string {
  return `${humanDuration(now - Date.parse(moment))} ago`;
}

/** `2026-11-26 22:29:04 +0000 UTC`, as docker's templates print a moment. */
export function goTime(moment: string): string {
  return moment.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/, "$1 $2 +0000 UTC");
}
