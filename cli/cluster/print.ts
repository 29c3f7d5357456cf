/** How objects of the cluster are printed: JSON, YAML, names or by a template of the user's. Tables are in table.ts. */
import { Document, visit } from "yaml";
import { printedName, resourceOf } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { shownObject, type Written } from "./shown-object.ts";

export type Output = "table" | "wide" | Format;
export type Format = "json" | "yaml" | "name" | Written;

export async function readOutput(text: string | undefined, headers: boolean): Promise<Output> {
  if (text === undefined || text === "") return "table";
  if (text === "wide" || text === "json" || text === "yaml" || text === "name") return text;
  const { templateOutput } = await import("./template-output.ts");
  return templateOutput(text, headers);
}

/** Keys in order of the alphabet, as kubectl has them. */
export function formatObjects(output: Format, objects: readonly KubeObject[], single: boolean): string {
  if (output === "name") return objects.map((object) => `${printedName(resourceOf(object), object.metadata.name)}\n`).join("");
  if (typeof output !== "string") return output.write(objects, single);
  const shown = shownObject(objects, single);
  if (output === "json") return `${JSON.stringify(shown, null, 4)}\n`;
  return yamlText(shown);
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
