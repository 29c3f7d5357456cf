/** Lengths of time as `kubectl get` prints them: two units at most, coarser as they grow. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

export function formatAge(from: string | undefined, now: Date): string {
  return from === undefined || from === null ? "<unknown>" : formatDuration(now.getTime() - Date.parse(from));
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds < -SECOND) return "<invalid>";
  const span = Math.max(0, milliseconds);
  const whole = (unit: number): number => Math.floor(span / unit);
  if (span < 2 * MINUTE) return `${whole(SECOND)}s`;
  if (span < 10 * MINUTE) return two(whole(MINUTE), "m", whole(SECOND) % 60, "s");
  if (span < 3 * HOUR) return `${whole(MINUTE)}m`;
  if (span < 8 * HOUR) return two(whole(HOUR), "h", whole(MINUTE) % 60, "m");
  if (span < 2 * DAY) return `${whole(HOUR)}h`;
  if (span < 8 * DAY) return two(whole(DAY), "d", whole(HOUR) % 24, "h");
  if (span < 2 * YEAR) return `${whole(DAY)}d`;
  if (span < 8 * YEAR) return two(whole(YEAR), "y", whole(DAY) % 365, "d");
  return `${whole(YEAR)}y`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
