/** What of claims, volumes and classes may not change once it is set. Rows of the table in immutable.ts. */
import { equal } from "../schema/equal.ts";
import { forbiddenField, type FieldError } from "../schema/field-error.ts";
import { compareQuantities } from "../schema/quantity.ts";
import { structsOf } from "../schema/walk.ts";

const claimSays = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/** A claim may still get its class and its volume while it has none; a bound one may ask for more. */
export function claimSpec({ spec: before, status }: any, { spec: after }: any): readonly FieldError[] {
  const bound = status?.phase === "Bound";
  const given = {
    ...after,
    ...(before.storageClassName === undefined && { storageClassName: undefined }),
    ...((before.volumeName ?? "") === "" && { volumeName: before.volumeName }),
    ...(bound && { resources: { ...after.resources, requests: before.resources?.requests }, volumeAttributesClassName: before.volumeAttributesClassName }),
  };
  if (!equal(before, given)) return [forbiddenField("spec", claimSays)];
  const [asked, has] = [after.resources?.requests?.storage, status?.capacity?.storage];
  const shrinks = bound && asked !== undefined && compareQuantities(asked, before.resources?.requests?.storage ?? 0) < 0;
  return shrinks && (has === undefined || compareQuantities(asked, has) < 0)
    ? [forbiddenField("spec.resources.requests.storage", "field can not be less than status.capacity")]
    : [];
}

export function volumeSource({ spec: before }: any, { spec: after }: any): readonly FieldError[] {
  const kinds = structsOf("core/v1.PersistentVolumeSource").map(({ name }) => name);
  const same = kinds.every((kind) => equal(before[kind], after[kind]));
  return same ? [] : [forbiddenField("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")];
}

export const unchanged =
  (field: string) =>
  (before: any, after: any): readonly FieldError[] =>
    equal(before[field], after[field]) ? [] : [forbiddenField(field, `updates to ${field} are forbidden.`)];
