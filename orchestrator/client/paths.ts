/** From words that users write (`deploy/web`, `po`, a manifest's kind) to paths of the API. */
import { apiVersionOf, nameOf, type Resource } from "../schema/resource.ts";
import { resourceOfKind, resources } from "../schema/resources.ts";
import { ClientError } from "./errors.ts";

/** By plural, singular, short name or kind, with or without its group. @throws {ClientError} `KIND_UNKNOWN` */
export function resourceByWord(word: string): Resource {
  const wanted = word.toLowerCase();
  const found = resources.find((row) =>
    [row.resource, row.singular, row.kind.toLowerCase(), nameOf(row), `${row.singular}.${row.group}`, ...row.shortNames].includes(wanted),
  );
  if (found === undefined) throw new ClientError("KIND_UNKNOWN", `the server doesn't have a resource type "${word}"`);
  return found;
}

/** @throws {ClientError} `KIND_UNKNOWN` */
export function resourceOf(manifest: { readonly apiVersion?: string; readonly kind?: string }): Resource {
  const found = resourceOfKind(manifest.apiVersion ?? "", manifest.kind ?? "");
  if (manifest.apiVersion === undefined || manifest.kind === undefined)
    throw new ClientError("KIND_UNKNOWN", `error validating data: ${manifest.apiVersion === undefined ? "apiVersion" : "kind"} not set`);
  if (found === undefined) throw new ClientError("KIND_UNKNOWN", `no matches for kind "${manifest.kind}" in version "${manifest.apiVersion}"`);
  return found;
}

/** Of the collection, or of one object; `namespace` undefined spans all. */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string): string {
  const base = resource.group === "" ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${base}${within}/${resource.resource}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

/** As kubectl prints it: `pod/web`, `deployment.apps/web`. */
export function printedName(resource: Resource, name: string): string {
  return `${resource.singular}${resource.group === "" ? "" : `.${resource.group}`}/${name}`;
}
