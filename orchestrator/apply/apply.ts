/** Server-side apply: decides the new object and its owners. Spec: "Server-Side Apply". */
import type { KubeObject } from "../cluster.ts";
import { ApiError } from "../errors.ts";
import { compare } from "./compare.ts";
import { difference, emptySet, fieldsIn, intersection, isEmpty, pathsOf, union, type FieldSet } from "./field-set.ts";
import { isSame, type Manager } from "./managers.ts";
import { overlay, prune } from "./merge.ts";
import { ownable } from "./ownable.ts";
import type { Shape } from "./shape.ts";

export interface Application {
  readonly type: string;
  readonly live: KubeObject;
  readonly managers: readonly Manager[];
  /** Decoded, without defaults: only what the applier said. */
  readonly applied: unknown;
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly force: boolean;
  readonly now: string;
}

export interface Applied {
  readonly object: KubeObject;
  readonly managers: readonly Manager[];
}

/** @throws {ApiError} `Conflict` when others own fields that would change, unless forced */
export function apply(application: Application): Applied {
  const { type, live, managers, manager, subresource, apiVersion, now, force } = application;
  const shape: Shape = { kind: "struct", type };
  const wanted = ownable(application.applied);
  const self = { manager, operation: "Apply", subresource } as const;
  const others = managers.filter((entry) => !isSame(entry, self));
  const last = managers.find((entry) => isSame(entry, self))?.fields ?? emptySet;
  const fields = fieldsIn(shape, wanted);
  const merged = overlay(shape, ownable(live), wanted);
  const { changed } = compare(shape, ownable(live), merged);
  const contested = others.filter((entry) => !isEmpty(intersection(entry.fields, changed)));
  if (contested.length > 0 && !force) throw conflictWith(contested, changed);
  const kept = others.map((entry) => ({ ...entry, fields: difference(entry.fields, contested.includes(entry) ? changed : emptySet) }));
  const claimed = kept.reduce((all, entry) => union(all, entry.fields), fields);
  const pruned = prune(shape, merged, difference(last, fields), claimed) as { readonly metadata?: object };
  const object = { ...pruned, apiVersion: live.apiVersion, kind: live.kind, metadata: { ...identityOf(live), ...pruned.metadata } } as unknown as KubeObject;
  return { object, managers: [...kept, { ...self, apiVersion, time: now, fields }] };
}

function identityOf({ metadata }: KubeObject): Record<string, unknown> {
  const { labels: _, annotations: __, ownerReferences: ___, finalizers: ____, ...identity } = metadata;
  return identity;
}

function conflictWith(contested: readonly Manager[], changed: FieldSet): ApiError {
  const causes = contested.flatMap((entry) =>
    pathsOf(intersection(entry.fields, changed)).map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${described(entry)}`, field })),
  );
  const [first] = causes;
  const listed = contested
    .map(
      (entry) =>
        `conflicts with ${described(entry)}:\n${pathsOf(intersection(entry.fields, changed))
          .map((path) => `- ${path}`)
          .join("\n")}`,
    )
    .join("\n");
  const found = causes.length === 1 ? `1 conflict: ${first!.message}: ${first!.field}` : `${causes.length} conflicts: ${listed}`;
  return new ApiError("Conflict", `Apply failed with ${found}`, { causes });
}

function described({ manager, operation, apiVersion, subresource, time }: Manager): string {
  const how = [
    ...(subresource === undefined ? [] : [`with subresource ${JSON.stringify(subresource)}`]),
    `using ${apiVersion}`,
    ...(operation === "Update" && time !== undefined ? [`at ${time}`] : []),
  ];
  return `${JSON.stringify(manager)} ${how.join(" ")}`;
}
