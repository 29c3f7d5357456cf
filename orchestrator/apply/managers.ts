/** `metadata.managedFields` as sets, and back. */
import { equal } from "../schema/equal.ts";
import { formatFields, isEmpty, parseFields, type FieldSet, type FieldsV1 } from "./field-set.ts";

export interface Manager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

interface Entry {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: FieldsV1;
}

/** Entries that say nothing are left out: `[{}]` is how one clears them. */
export function parseManagers(entries: readonly unknown[] | undefined): Manager[] {
  return ((entries ?? []) as readonly Entry[])
    .filter(({ fieldsV1, operation }) => fieldsV1 !== undefined && (operation === "Apply" || operation === "Update"))
    .map(({ manager = "", operation, apiVersion = "", subresource, time, fieldsV1 }) => ({
      manager,
      operation: operation as Manager["operation"],
      apiVersion,
      subresource,
      time,
      fields: parseFields(fieldsV1!),
    }));
}

export function formatManagers(managers: readonly Manager[]): Entry[] | undefined {
  const entries = managers
    .filter(({ fields }) => !isEmpty(fields))
    .toSorted((a, b) => order(a) - order(b) || (a.time ?? "").localeCompare(b.time ?? "") || a.manager.localeCompare(b.manager))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: "FieldsV1",
      fieldsV1: formatFields(fields),
      ...(subresource !== undefined && { subresource }),
    }));
  return entries.length === 0 ? undefined : entries;
}

function order({ operation }: Manager): number {
  return operation === "Apply" ? 0 : 1;
}

/** The same times for entries whose fields are the same, so that a write that changes nothing changes no time either. */
export function keepTimes(before: readonly Manager[], after: readonly Manager[]): Manager[] {
  return after.map((entry) => {
    const same = before.find((other) => isSame(other, entry));
    return same !== undefined && equal(formatFields(same.fields), formatFields(entry.fields)) ? { ...entry, time: same.time } : entry;
  });
}

export function isSame(a: Pick<Manager, "manager" | "operation" | "subresource">, b: Pick<Manager, "manager" | "operation" | "subresource">): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}
