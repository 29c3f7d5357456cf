/** Durations as the flags of Kubernetes programs take them. */
import { UsageError } from "./errors.ts";

/** `90s`, `5m`, `1h30m`, or seconds; in milliseconds. 0 means for ever. */
export function readDuration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) === 0 ? Infinity : Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw new UsageError(`Cannot read ${JSON.stringify(text)} as a duration: write 90s, 5m or 1h30m`);
  const total = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((sum, [, count = "", unit = ""]) => sum + Number(count) * (units[unit] ?? 0), 0);
  return total === 0 ? Infinity : total;
}
