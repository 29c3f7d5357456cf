/** `get --watch`: what is there, then a line, or an object, for each change until it is interrupted. */
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import type { Context } from "../context.ts";
import { type Format, formatObjects, type Output } from "./print.ts";
import { type Asked, type Choice, queryOf, selection } from "./read-objects.ts";
import { alignCells, type Table, TABLE_ACCEPT, tableCells, type TableOptions } from "./table.ts";

export interface Watching {
  readonly client: KubeClient;
  readonly context: Pick<Context, "signal" | "stdout">;
  readonly asked: Asked;
  readonly choice: Choice;
  readonly output: Output;
  readonly table: TableOptions;
  /** Not what is there already. */
  readonly only: boolean;
}

type Answer = Partial<Table> & { readonly metadata?: { readonly resourceVersion?: string }; readonly items?: readonly object[] };

/** @throws {ClientError} also when what is named is not there */
export async function watchObjects(watching: Watching): Promise<void> {
  const { client, context, asked, choice, output } = watching;
  const { signal } = context;
  if (asked.name !== undefined) await client.send({ path: queryOf(asked, choice), signal });
  const chosen = asked.name === undefined ? choice : { fieldSelector: `metadata.name=${asked.name}` };
  const collection = pathOf(asked.resource, choice.allNamespaces ? undefined : choice.namespace);
  const accept = output === "table" || output === "wide" ? TABLE_ACCEPT : "application/json";
  const list = (await client.send({ path: `${collection}${selection(chosen)}`, accept, signal })) as Answer;
  const show = output === "table" || output === "wide" ? tableShow(watching, list) : objectShow(watching, output);
  if (!watching.only) show(list);
  const query = selection(chosen, { watch: "true", resourceVersion: list.metadata?.resourceVersion ?? "" });
  try {
    for await (const { type, object } of client.watch({ path: `${collection}${query}`, accept, signal })) if (type !== "BOOKMARK") show(object as Answer);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The header comes once; columns keep what earlier lines needed. */
function tableShow({ context, table: options }: Watching, { columnDefinitions = [] }: Answer): (answer: Answer) => void {
  const widths: number[] = [];
  let headers = options.headers;
  return ({ rows = [] }) => {
    if (rows.length === 0) return;
    context.stdout.write(alignCells(tableCells({ columnDefinitions, rows }, { ...options, headers }), widths));
    headers = false;
  };
}

function objectShow({ context, asked: { resource } }: Watching, output: Format): (answer: Answer) => void {
  const named = { apiVersion: resource.group === "" ? resource.version : `${resource.group}/${resource.version}`, kind: resource.kind };
  let isFirst = true;
  return (answer) => {
    for (const object of answer.items ?? [answer]) {
      context.stdout.write(`${isFirst || output !== "yaml" ? "" : "---\n"}${formatObjects(output, [{ ...named, ...object } as KubeObject], true)}`);
      isFirst = false;
    }
  };
}
