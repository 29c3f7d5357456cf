/**
 * When a schedule falls due. Hours that a zone's clocks skip in spring do not come; those that they repeat in autumn come twice,
 * as Kubernetes has it.
 */
import type { CalendarSchedule, CronSchedule } from "../../schema/cron-schedule.ts";
import type { WallClock } from "../../schema/time-zone.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A schedule that is not due for so long never is: the 31st of February. */
const HORIZON = 5 * 366 * DAY;

/** The first time after `after`; undefined when it never comes. All in milliseconds since the epoch. */
export function nextTime(schedule: CronSchedule, wall: WallClock, after: number): number | undefined {
  if (schedule.kind === "every") return Math.floor(after / SECOND) * SECOND + schedule.seconds * SECOND;
  let time = Math.floor(after / MINUTE) * MINUTE + MINUTE;
  while (time <= after + HORIZON) {
    const shown = new Date(wall(time));
    if (!fitsDay(schedule, shown)) time = nextDay(wall, time);
    else if (!schedule.hours.has(shown.getUTCHours())) time += (60 - shown.getUTCMinutes()) * MINUTE;
    else if (!schedule.minutes.has(shown.getUTCMinutes())) time += MINUTE;
    else return time;
  }
  return undefined;
}

/** The last time after `from` and not after `until`. */
export function lastTime(schedule: CronSchedule, wall: WallClock, from: number, until: number): number | undefined {
  const first = nextTime(schedule, wall, from);
  if (first === undefined || first > until) return undefined;
  if (schedule.kind === "every") return first + Math.floor((until - first) / (schedule.seconds * SECOND)) * schedule.seconds * SECOND;
  for (let span = HOUR; ; span *= 4) {
    const start = Math.max(from, until - span);
    let last: number | undefined;
    for (let time = nextTime(schedule, wall, start); time !== undefined && time <= until; time = nextTime(schedule, wall, time)) last = time;
    if (last !== undefined) return last;
  }
}

function fitsDay({ months, daysOfMonth, daysOfWeek, eitherDay }: CalendarSchedule, shown: Date): boolean {
  if (!months.has(shown.getUTCMonth() + 1)) return false;
  const ofMonth = daysOfMonth.has(shown.getUTCDate());
  const ofWeek = daysOfWeek.has(shown.getUTCDay());
  return eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}

/** Not after the first moment of the next day on the wall, and later than `time`: where clocks change it may fall short and is asked again. */
function nextDay(wall: WallClock, time: number): number {
  const shown = wall(time);
  const midnight = (Math.floor(shown / DAY) + 1) * DAY;
  const guess = time + midnight - shown;
  const corrected = guess + midnight - wall(guess);
  return corrected > time ? Math.min(guess, corrected) : guess;
}
