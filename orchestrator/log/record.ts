/** How a change lies in the database: `resource/namespace/name`, a newline, and the object as JSON; nothing after the newline means removed. */
import type { KubeObject } from "../cluster.ts";
import type { LogKey } from "./object-log.ts";
import { freeze } from "./state.ts";

export function formatRecord(key: LogKey, object: KubeObject | undefined): string {
  return `${key.resource}/${key.namespace}/${key.name}\n${object === undefined ? "" : JSON.stringify(object)}`;
}

export function parseRecord(text: string): { readonly key: LogKey; readonly object: KubeObject | undefined } {
  const end = text.indexOf("\n");
  const [resource = "", namespace = "", name = ""] = text.slice(0, end).split("/");
  const json = text.slice(end + 1);
  return { key: { resource, namespace, name }, object: json === "" ? undefined : freeze(JSON.parse(json) as KubeObject) };
}
