/** Dockerfiles of a table in a Go test, as buildah's conformance tests have them: `{ name: …, contextDir: …, dockerfileContents: … }`. */
import { readExpression } from "./go-literal.ts";

export interface TableEntry {
  readonly dockerfile: string;
  /** Folder of the context below that of all, where the entry names one. */
  readonly context: string | undefined;
  /** The ignore file that the entry writes. */
  readonly ignore: string | undefined;
}

/** Undefined when there is no such entry, or when its Dockerfile is not literal. */
export function findInGoTable(source: string, name: string): TableEntry | undefined {
  const start = new RegExp(`^\\t\\tname:\\s+${JSON.stringify(name).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")},$`, "m").exec(source)?.index;
  if (start === undefined) return undefined;
  const entry = source.slice(start, source.indexOf("\n\t},", start));
  const context = /^\t\tcontextDir:\s+"([^"]+)"/m.exec(entry)?.[1];
  const dockerfile = valueBehind(entry, /^\t\tdockerfileContents:/m);
  const ignore = valueBehind(entry, /dockerignore := \[\]byte\(/);
  return dockerfile === undefined ? undefined : { dockerfile, context, ignore };
}

function valueBehind(text: string, mark: RegExp): string | undefined {
  const found = mark.exec(text);
  return found === null ? undefined : readExpression(text, found.index + found[0].length, {})?.text;
}
