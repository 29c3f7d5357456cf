/** What `get` is asked for, read from the server: as tables, or as objects. One that is not there keeps none of the others from being shown. */
import { ClientError } from "../../orchestrator/client/errors.ts";
import { isList, objectsIn, readObject } from "../../orchestrator/client/answer.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import type { Resource } from "../../orchestrator/schema/resource.ts";
import { type Table, TABLE_ACCEPT } from "./table.ts";

export interface Asked {
  readonly resource: Resource;
  /** Undefined is all of them. */
  readonly name: string | undefined;
}

export interface Choice {
  readonly namespace: string;
  readonly allNamespaces: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly ignoreNotFound: boolean;
  /** Rows come with whole objects then. */
  readonly sortBy?: string;
}

export interface Found {
  readonly resource: Resource;
  readonly table: Table;
  readonly objects: readonly KubeObject[];
}

const NO_TABLE: Table = { columnDefinitions: [], rows: [] };

/** @throws {ClientError} where the server cannot be asked at all */
export async function readEach(
  client: KubeClient,
  asked: readonly Asked[],
  choice: Choice,
  isTable: boolean,
): Promise<{ readonly found: readonly Found[]; readonly failed: readonly ClientError[] }> {
  const failed: ClientError[] = [];
  const read = async (one: Asked): Promise<readonly Found[]> => {
    try {
      const answer = await client.send({ path: queryOf(one, choice), ...(isTable ? { accept: TABLE_ACCEPT } : {}) });
      return [{ resource: one.resource, table: isTable ? (answer as Table) : NO_TABLE, objects: isTable ? [] : objectsOf(answer, one) }];
    } catch (error) {
      if (!(error instanceof ClientError) || (error.code !== "NOT_FOUND" && error.code !== "REFUSED")) throw error;
      if (error.code !== "NOT_FOUND" || !choice.ignoreNotFound) failed.push(error);
      return [];
    }
  };
  return { found: (await Promise.all(asked.map(read))).flat(), failed };
}

function objectsOf(answer: unknown, { name }: Asked): readonly KubeObject[] {
  return name === undefined && isList(answer) ? objectsIn(answer) : [readObject(answer)];
}

/** Neighbours of one kind are one table. */
export function groupsOf(found: readonly Found[]): readonly { readonly resource: Resource; readonly table: Table }[] {
  const groups: { resource: Resource; table: Table }[] = [];
  for (const { resource, table } of found) {
    const last = groups.at(-1);
    if (last?.resource === resource) last.table = { ...last.table, rows: [...last.table.rows, ...table.rows] };
    else groups.push({ resource, table });
  }
  return groups;
}

export function queryOf({ resource, name }: Asked, choice: Choice): string {
  const path = pathOf(resource, choice.allNamespaces ? undefined : choice.namespace, name);
  const whole: Readonly<Record<string, string>> = choice.sortBy === undefined ? {} : { includeObject: "Object" };
  return name === undefined ? `${path}${selection(choice, whole)}` : path;
}

/** `?labelSelector=…`, or nothing. */
export function selection({ selector, fieldSelector }: Pick<Choice, "selector" | "fieldSelector">, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({
    ...(selector === undefined ? {} : { labelSelector: selector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...more,
  }).toString();
  return query === "" ? "" : `?${query}`;
}
