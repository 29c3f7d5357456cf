/** `prune --filter`: until, label and label!, all of which must hold. Pure. Spec: docker container prune. */
import { parseMoment } from "../../runtime/engine/moment.ts";
import { UsageError } from "../errors.ts";

export interface Prunable {
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** @throws {UsageError} */
export function pruneFilter(filters: readonly string[], now: number): (one: Prunable) => boolean {
  const tests = filters.map((filter) => {
    const [, key, value = ""] = /^(until|label|label!)=(.*)$/s.exec(filter) ?? [];
    if (key === undefined) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    if (key !== "until") return ({ labels }: Prunable): boolean => has(labels, value) === (key === "label");
    const moment = parseMoment(value, now);
    if (moment === undefined) throw new UsageError(`invalid filter: cannot read ${JSON.stringify(value)} as a time`);
    return ({ createdAt }: Prunable): boolean => Date.parse(createdAt) <= moment;
  });
  return (one) => tests.every((test) => test(one));
}

export function has(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = "", value] = wanted.split(/=(.*)/s);
  return labels[key] !== undefined && (value === undefined || labels[key] === value);
}
