/** `network ls --filter key=value`: several values of one key are alternatives, several keys must all hold. Pure. */
import { has } from "../containers/prune-filter.ts";
import { UsageError } from "../errors.ts";
import type { NetworkRow } from "./network-row.ts";

type Test = (row: NetworkRow, value: string) => boolean;

const BUILT_IN: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

const TESTS: Readonly<Record<string, Test>> = {
  driver: ({ Driver }, value) => Driver === value,
  id: ({ fullID }, value) => fullID !== "" && fullID.startsWith(value),
  name: ({ Name }, value) => Name.includes(value),
  label: ({ labels }, value) => has(labels, value),
  scope: (_row, value) => value === "local",
  type: ({ Name }, value) => (value === "builtin") === BUILT_IN.has(Name),
  dangling: ({ Name, isUsed }, value) => (value === "true" || value === "1") === (!isUsed && !BUILT_IN.has(Name)),
};

/** @throws {UsageError} */
export function networkFilter(filters: readonly string[]): (row: NetworkRow) => boolean {
  const groups = new Map<string, string[]>();
  for (const filter of filters) {
    const [key = "", value] = filter.split(/=(.*)/s);
    if (value === undefined || !Object.hasOwn(TESTS, key)) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return (row) => [...groups].every(([key, values]) => values.some((value) => TESTS[key]?.(row, value) === true));
}
