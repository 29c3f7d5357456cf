/** Time zones by their IANA names: whether there is one of that name, and what its clocks show. */

const SYNTAX = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** What is wrong with the name, in the API server's words, or undefined. */
export function timeZoneProblem(name: string): string | undefined {
  if (name === "") return "timeZone must be nil or non-empty string";
  const parts = name.split("/");
  if (parts.some((part) => part === "." || part === ".." || part.startsWith("-") || !SYNTAX.test(part))) return `unknown time zone ${name}`;
  if (name.toLowerCase() === "local") return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
  return isKnown(name) ? undefined : `unknown time zone ${name}`;
}

/** An IANA name, in its own letters; JavaScript would take others, and offsets. */
function isKnown(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    const { timeZone } = new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions();
    return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
  } catch {
    return false;
  }
}

/** What a clock on the wall shows at an instant: milliseconds that, read as UTC, are its date and time. */
export type WallClock = (instant: number) => number;

/** Of this machine when no zone is named. @throws {RangeError} for a zone that there is not */
export function wallClock(zone: string | undefined): WallClock {
  const format = new Intl.DateTimeFormat("en-US", {
    ...(zone === undefined ? {} : { timeZone: zone }),
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (instant) => {
    const shown: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) shown[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}
