/** Moments as users name them for logs and events. Pure. Spec: docker logs, --since and --until. */

const UNITS = { h: 3_600_000_000_000n, m: 60_000_000_000n, s: 1_000_000_000n, ms: 1_000_000n, us: 1000n, µs: 1000n, ns: 1n } as const;
const SPAN = /(\d+)(?:\.(\d+))?(h|ms|m|s|us|µs|ns)/g;
/** A part of RFC 3339, at least the day. */
const DAY_AND_TIME = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?(Z|[+-]\d\d:\d\d)?$/;

/** RFC 3339, seconds or `10m`, `1h30m` ago, as milliseconds since the epoch. Undefined when it is none of them. */
export function parseMoment(text: string, now: number): number | undefined {
  const moment = parseNanoseconds(text, now);
  return moment === undefined ? undefined : Number(moment / UNITS.ms) + Number(moment % UNITS.ms) / 1e6;
}

/** The same as nanoseconds, as exact as it is written; without a zone it is this machine's time. `now` is in milliseconds. */
export function parseNanoseconds(text: string, now: number): bigint | undefined {
  const [, whole, part] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole !== undefined) return scaled(whole, part, UNITS.s);
  const [, sign, spans = ""] = /^([+-]?)(.+)$/s.exec(text) ?? [];
  const span = spanOf(spans);
  if (span !== undefined) return BigInt(Math.trunc(now)) * UNITS.ms - (sign === "-" ? -span : span);
  return dayAndTime(text);
}

function spanOf(text: string): bigint | undefined {
  const all = [...text.matchAll(SPAN)];
  if (all.length === 0 || all.map(([one]) => one).join("") !== text) return undefined;
  return all.reduce((sum, [, whole = "", part, unit]) => sum + scaled(whole, part, UNITS[unit as keyof typeof UNITS]), 0n);
}

function dayAndTime(text: string): bigint | undefined {
  const [, day, hour = "00", minute = "00", second = "00", part, zone = ""] = DAY_AND_TIME.exec(text) ?? [];
  const moment = Date.parse(day === undefined ? text : `${day}T${hour}:${minute}:${second}${zone}`);
  return Number.isNaN(moment) ? undefined : BigInt(moment) * UNITS.ms + scaled("0", part, UNITS.s);
}

/** `whole.part` times `unit`. */
function scaled(whole: string, part: string = "", unit: bigint): bigint {
  const digits = part.slice(0, 9);
  return BigInt(whole) * unit + (BigInt(digits === "" ? "0" : digits) * unit) / 10n ** BigInt(digits.length);
}
