/** What a CronJob must hold, with the API server's words. */
import { scheduleProblem } from "../cron-schedule.ts";
import { invalid, notSupported, required } from "../field-error.ts";
import { fields, named, notNegative, neededOneOf, type FieldRule, type StructRule } from "./field-rules.ts";
import type { RuleTable } from "./rule-table.ts";
import { timeZoneProblem } from "../time-zone.ts";

const schedule: FieldRule = (value, path) => {
  if (value === undefined || value === "") return [required(path)];
  const problem = scheduleProblem(withoutZone(value));
  return [
    ...(problem === undefined ? [] : [invalid(path, value, problem)]),
    ...(value.includes("TZ") ? [invalid(path, value, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")] : []),
  ];
};

/** A zone before the fields can be read, though it is refused. */
function withoutZone(text: string): string {
  return text.replace(/^(?:CRON_)?TZ=\S* +/, "");
}

const timeZone: FieldRule = (value, path) => (value === "" ? [invalid(path, value, timeZoneProblem(value) ?? "")] : named(timeZoneProblem)(value, path));

/** Each Job gets a selector of its own. */
const templateSelector: StructRule = ({ jobTemplate }, path) => {
  const { selector, manualSelector } = jobTemplate?.spec ?? {};
  const at = `${path}.jobTemplate.spec`;
  return [
    ...(selector === undefined ? [] : [invalid(`${at}.selector`, selector, "`selector` will be auto-generated")]),
    ...(manualSelector === true ? [notSupported(`${at}.manualSelector`, true, ["nil", "false"])] : []),
  ];
};

const cronJobSpec: readonly StructRule[] = [
  fields({
    schedule,
    startingDeadlineSeconds: notNegative,
    timeZone,
    concurrencyPolicy: neededOneOf("Allow", "Forbid", "Replace"),
    successfulJobsHistoryLimit: notNegative,
    failedJobsHistoryLimit: notNegative,
  }),
  templateSelector,
];

/** Its Jobs' names add a dash and the time in minutes. */
const MAX_NAME = 63 - 11;

const cronJob: readonly StructRule[] = [
  ({ metadata: { name } }) => (name.length > MAX_NAME ? [invalid("metadata.name", name, `must be no more than ${MAX_NAME} characters`)] : []),
];

export const cronJobRules: RuleTable = { "batch/v1.CronJob": cronJob, "batch/v1.CronJobSpec": cronJobSpec };
