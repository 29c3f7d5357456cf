/** `events --filter key=value`: several values of one key are alternatives, several keys must all hold. Pure. Spec: docker events. */
import type { StoreEvent } from "../../store/events/journal.ts";
import { UsageError } from "../errors.ts";

type Test = (event: StoreEvent, value: string) => boolean;

const named =
  (type: StoreEvent["Type"], attribute?: string): Test =>
  ({ Type, Actor }, value) =>
    (Type === type && (Actor.ID.startsWith(value) || Actor.Attributes["name"] === value)) || (attribute !== undefined && Actor.Attributes[attribute] === value);

const TESTS: Readonly<Record<string, Test>> = {
  container: (event, value) => named("container")(event, value) || event.Actor.Attributes["container"]?.startsWith(value) === true,
  event: ({ Action }, value) => Action === value || Action.startsWith(`${value}:`),
  image: ({ Type, Actor }, value) => {
    const names = [Actor.ID, ...[Type === "image" ? Actor.Attributes["name"] : Actor.Attributes["image"]].filter((name) => name !== undefined)];
    return (Type === "image" || Type === "container") && names.some((name) => name === value || name.replace(/:[^:/]*$/, "") === value);
  },
  label: ({ Actor }, value) => {
    const [key = "", wanted] = value.split(/=(.*)/s);
    const found = Actor.Attributes[key];
    return found !== undefined && (wanted === undefined || found === wanted);
  },
  network: named("network"),
  scope: (_event, value) => value === "local",
  type: ({ Type }, value) => Type === value,
  volume: named("volume"),
};

/** What only a swarm or docker's own daemon tells of. */
const NEVER = new Set(["config", "daemon", "node", "plugin", "secret", "service"]);

/** @throws {UsageError} */
export function eventFilter(filters: readonly string[]): (event: StoreEvent) => boolean {
  const groups = new Map<string, string[]>();
  for (const filter of filters) {
    const [key = "", value] = filter.split(/=(.*)/s);
    if (value === undefined || !(Object.hasOwn(TESTS, key) || NEVER.has(key))) throw new UsageError(`invalid filter: ${JSON.stringify(filter)}`);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return (event) => [...groups].every(([key, values]) => values.some((value) => TESTS[key]?.(event, value) === true));
}
