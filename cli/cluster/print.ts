/** How objects of the cluster are printed: JSON, YAML or names. Tables are in table.ts. */
import { Document, visit } from "yaml";
import { printedName, resourceOf } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { UsageError } from "../errors.ts";

export type Output = "table" | "wide" | "json" | "yaml" | "name";

export function readOutput(text: string | undefined): Output {
  if (text === undefined || text === "") return "table";
  if (text === "wide" || text === "json" || text === "yaml" || text === "name") return text;
  throw new UsageError(`Cannot print as ${JSON.stringify(text)}: known are wide, json, yaml and name`);
}

/** Keys in order of the alphabet, as kubectl has them. */
export function formatObjects(output: "json" | "yaml" | "name", objects: readonly KubeObject[], single: boolean): string {
  if (output === "name") return objects.map((object) => `${printedName(resourceOf(object), object.metadata.name)}\n`).join("");
  const value = single ? objects[0] : { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } };
  const shown = ordered(value);
  if (output === "json") return `${JSON.stringify(shown, null, 4)}\n`;
  return yamlText(shown);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== "managedFields");
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([key, field]) => [key, ordered(field)]));
}

/** As kubectl writes and reads it: what YAML 1.1 would take for a date or a yes is in double quotes, other special text in single ones. */
function yamlText(value: unknown): string {
  const document = new Document(value, { version: "1.1" });
  const tags = document.schema?.tags ?? [];
  const isOther = (text: string): boolean =>
    text === "" || tags.some((tag) => tag.default === true && "test" in tag && tag.test !== undefined && tag.test.test(text));
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && isOther(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0, indentSeq: false, singleQuote: true, directives: false });
}
