/** `get -o KIND=TEMPLATE`: kubectl's jsonpath, custom columns and Go templates, written on the command line or in a file. */
import { readFileSync } from "node:fs";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { EXIT, ExitError } from "../errors.ts";
import { renderTemplate } from "../template.ts";
import { customColumns } from "./custom-columns.ts";
import { findAll, renderJsonPath } from "./jsonpath.ts";
import { parseJsonPath } from "./jsonpath-parse.ts";
import { shownObject, type Written } from "./shown-object.ts";

type Make = (template: string, headers: boolean) => Written;

const byJsonPath: Make = (template) => onObject((object) => renderJsonPath(template, object));
const asJson: Make = (template) => onObject((object) => `${JSON.stringify(findAll(parseJsonPath(template), object), null, 4)}\n`);

const KINDS: Readonly<Record<string, Make>> = {
  "custom-columns": customColumns,
  "go-template": byTemplate,
  jsonpath: byJsonPath,
  "jsonpath-as-json": asJson,
  template: byTemplate,
};
/** What these read their template from is a file. */
const FILES: Readonly<Record<string, string>> = {
  "custom-columns-file": "custom-columns",
  "go-template-file": "go-template",
  "jsonpath-file": "jsonpath",
  templatefile: "template",
};
const KNOWN = [...Object.keys(KINDS), ...Object.keys(FILES), "json", "name", "wide", "yaml"].toSorted().join(",");

/** @throws {ExitError} for a kind that there is not, and for no template */
export function templateOutput(text: string, headers: boolean): Written {
  const [kind = "", ...rest] = text.split("=");
  const make = KINDS[FILES[kind] ?? kind];
  if (make === undefined)
    throw new ExitError(EXIT.refused, `unable to match a printer suitable for the output format "${kind}", allowed formats are: ${KNOWN}`);
  const given = rest.join("=");
  if (given === "")
    throw new ExitError(
      EXIT.refused,
      make === customColumns ? "custom-columns format specified but no custom columns given" : "template format specified but no template given",
    );
  return make(kind in FILES ? readTemplate(given) : given, headers);
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ExitError(EXIT.refused, `Cannot read the template ${path}: ${(error as Error).message}`);
  }
}

function onObject(write: (object: unknown) => string): Written {
  return { write: (objects: readonly KubeObject[], single) => write(shownObject(objects, single)) };
}

/** Here text stands for itself, where docker's templates have escapes. */
function byTemplate(template: string): Written {
  const literal = template
    .split(/(\{\{[^]*?\}\})/)
    .map((piece, index) => (index % 2 === 1 ? piece : piece.replaceAll("\\", '{{"\\\\"}}')))
    .join("");
  return onObject((object) => renderTemplate(literal, object));
}
