/** Who owns which field after a write that was no apply: the writer owns what it changed, and nobody else does any more. */
import { compare } from "./compare.ts";
import { difference, union } from "./field-set.ts";
import { isSame, keepTimes, type Manager } from "./managers.ts";
import { ownable } from "./ownable.ts";

export interface Update {
  readonly type: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly now: string;
}

export function trackUpdate(managers: readonly Manager[], update: Update): Manager[] {
  const { type, before, after, manager, apiVersion, subresource, now } = update;
  const { changed, removed } = compare({ kind: "struct", type }, before === undefined ? undefined : ownable(before), ownable(after));
  const lost = union(changed, removed);
  const self = { manager, operation: "Update", subresource } as const;
  const own = managers.find((entry) => isSame(entry, self));
  const others = managers.filter((entry) => entry !== own).map((entry) => ({ ...entry, fields: difference(entry.fields, lost) }));
  const fields = union(own === undefined ? { member: false, children: new Map() } : difference(own.fields, removed), changed);
  return keepTimes(managers, [...others, { ...self, apiVersion, time: now, fields }]);
}
