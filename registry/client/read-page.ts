/** A page of tags or repositories as a registry sends it. Spec: distribution-spec v1.1, "Listing Tags"; what may be a name: "Pulling manifests". */
import { asciiJSON } from "../../http/ascii-json.ts";
import { isRepositoryPath, isTag } from "../../store/reference.ts";
import { RegistryError } from "../errors.ts";

export type PageField = "tags" | "repositories";

const KINDS = { tags: { what: "tag", fits: isTag }, repositories: { what: "repository name", fits: isRepositoryPath } } as const;
const MAX_SHOWN = 100;

/** What no name may hold goes to no terminal. @throws {RegistryError} `PROTOCOL` */
export function readPage(bytes: Uint8Array, field: PageField, host: string): readonly string[] {
  let page: unknown;
  try {
    page = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new RegistryError("PROTOCOL", `Cannot read the list of ${field} of ${host}: it is not JSON`, { cause });
  }
  const items = (page as Partial<Record<string, unknown>> | null)?.[field] ?? [];
  if (!Array.isArray(items) || !items.every((item) => typeof item === "string"))
    throw new RegistryError("PROTOCOL", `Cannot read the list of ${field} of ${host}: it holds something else`);
  const { what, fits } = KINDS[field];
  const odd = items.find((item) => !fits(item));
  if (odd === undefined) return items;
  throw new RegistryError("PROTOCOL", `Cannot read the list of ${field} of ${host}: ${escaped(odd)} in it is no ${what}`, {
    hint: "The registry does not keep to the specification: tell whoever runs it",
  });
}

/** In quotes. */
function escaped(text: string): string {
  const quoted = asciiJSON(text.slice(0, MAX_SHOWN));
  return text.length > MAX_SHOWN ? `${quoted.slice(0, -1)}…"` : quoted;
}
