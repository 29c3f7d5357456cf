/**
 * The schedule of a CronJob: five fields of crontab, names, steps, `?`, and words like `@hourly`, in the dialect that Kubernetes
 * reads and with the words in which it refuses. Spec: Kubernetes documentation, "CronJob", Schedule syntax.
 */
import { CodedError } from "../../store/errors.ts";

export type CronSchedule = CalendarSchedule | { readonly kind: "every"; readonly seconds: number };

export interface CalendarSchedule {
  readonly kind: "calendar";
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly daysOfWeek: ReadonlySet<number>;
  /** Neither day field is a star, so a day that fits one of them is enough. */
  readonly eitherDay: boolean;
}

export class ScheduleError extends CodedError<"SCHEDULE_INVALID"> {}

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Three-letter names of `min`, `min + 1`… */
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const minute: Bounds = { min: 0, max: 59 };
const hour: Bounds = { min: 0, max: 23 };
const dayOfMonth: Bounds = { min: 1, max: 31 };
const month: Bounds = { min: 1, max: 12, names: MONTHS };
const dayOfWeek: Bounds = { min: 0, max: 6, names: DAYS };

const WORDS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** @throws {ScheduleError} in the API server's words */
export function parseSchedule(text: string): CronSchedule {
  if (text === "") throw problem("empty spec string");
  if (text.startsWith("@")) return parseWord(text);
  const found = text.split(/\s+/).filter((field) => field !== "");
  const [minutes, hours, days, months, weekdays] = found;
  if (found.length !== 5 || minutes === undefined || hours === undefined || days === undefined || months === undefined || weekdays === undefined)
    throw problem(`expected exactly 5 fields, found ${found.length}: [${found.join(" ")}]`);
  const parsed = {
    minutes: parseField(minutes, minute),
    hours: parseField(hours, hour),
    daysOfMonth: parseField(days, dayOfMonth),
    months: parseField(months, month),
    daysOfWeek: parseField(weekdays, dayOfWeek),
  };
  return { kind: "calendar", ...parsed, eitherDay: !isStar(days) && !isStar(weekdays) };
}

/** What is wrong, or undefined. */
export function scheduleProblem(text: string): string | undefined {
  try {
    parseSchedule(text);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError) return error.message;
    throw error;
  }
}

function parseWord(text: string): CronSchedule {
  const fields = WORDS[text];
  if (fields !== undefined) return parseSchedule(fields);
  if (!text.startsWith("@every ")) throw problem(`unrecognized descriptor: ${text}`);
  const length = text.slice("@every ".length);
  const seconds = parseDuration(length);
  if (seconds === undefined) throw problem(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(length)}`);
  return { kind: "every", seconds: Math.max(1, Math.floor(seconds)) };
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Go's `1h30m`, in seconds. */
function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const seconds = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ""] ?? 0), 0);
  return text.startsWith("-") ? -seconds : seconds;
}

function parseField(text: string, bounds: Bounds): ReadonlySet<number> {
  const parts = text.split(",").filter((part) => part !== "");
  return new Set(parts.flatMap((part) => parseRange(part, bounds)));
}

/** `*`, `3`, `mon-fri`, and each with `/2`; `3/2` runs to the end. */
function parseRange(text: string, { min, max, names }: Bounds): number[] {
  const [range = "", stepText, ...moreSteps] = text.split("/");
  const [low = "", high, ...moreBounds] = range.split("-");
  const star = low === "*" || low === "?";
  if (!star && moreBounds.length > 0) throw problem(`too many hyphens: ${text}`);
  const first = star ? min : parseValue(low, min, names);
  const last = star ? max : high === undefined ? first : parseValue(high, min, names);
  if (moreSteps.length > 0) throw problem(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  const end = stepText !== undefined && high === undefined ? max : last;
  if (first < min) throw problem(`beginning of range (${first}) below minimum (${min}): ${text}`);
  if (end > max) throw problem(`end of range (${end}) above maximum (${max}): ${text}`);
  if (first > end) throw problem(`beginning of range (${first}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw problem(`step of range should be a positive number: ${text}`);
  return Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, index) => first + index * step);
}

function parseValue(text: string, min: number, names: readonly string[] = []): number {
  const named = names.indexOf(text.toLowerCase());
  return named === -1 ? parseNumber(text) : min + named;
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw problem(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value < 0) throw problem(`negative number (${value}) not allowed: ${text}`);
  return value;
}

/** A star in any part counts; one with a step of two or more does not. */
function isStar(text: string): boolean {
  return text.split(",").some((part) => /^[*?][^/]*(?:\/\+?0*1)?$/.test(part));
}

function problem(message: string): ScheduleError {
  return new ScheduleError("SCHEDULE_INVALID", message);
}
