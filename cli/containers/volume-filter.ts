/** `volume ls --filter key=value`: all must hold. Pure. */
import type { Volume } from "../../runtime/volumes.ts";
import { UsageError } from "../errors.ts";

type Test = (volume: Volume, value: string, used: ReadonlySet<string>) => boolean;

const TESTS: Readonly<Record<string, Test>> = {
  name: (volume, value) => volume.name.includes(value),
  label: ({ labels }, value) => {
    const [key = "", wanted] = value.split(/=(.*)/s);
    return labels[key] !== undefined && (wanted === undefined || labels[key] === wanted);
  },
  dangling: (volume, value, used) => used.has(volume.name) !== (value === "true" || value === "1"),
};

/** `used`: names that containers use. @throws {UsageError} */
export function volumeFilter(filters: readonly string[], used: ReadonlySet<string>): (volume: Volume) => boolean {
  const tests = filters.map((filter) => {
    const [key = "", value = ""] = filter.split(/=(.*)/s);
    const test = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
    if (test === undefined) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    return (volume: Volume): boolean => test(volume, value, used);
  });
  return (volume) => tests.every((test) => test(volume));
}
