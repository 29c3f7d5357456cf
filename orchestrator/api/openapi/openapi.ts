/** OpenAPI v3 documents, one a group version, made from the type data when first asked for. Spec: Kubernetes API concepts, "OpenAPI V3"; OpenAPI 3.0. */
import { createHash } from "node:crypto";
import { apiVersionOf, type Resource } from "../../schema/resource.ts";
import type { Reply, Request } from "../../../http/message.ts";
import { json } from "../../../http/reply.ts";
import { groupVersions } from "../discovery.ts";
import { schemasFor } from "./openapi-schema.ts";
import { patchTypes } from "../patch.ts";

const YEAR_SECONDS = 31_536_000;

/** `api/v1`, `apis/apps/v1` → its document; kept once made. */
export class OpenApi {
  readonly #documents = new Map<string, { readonly body: Buffer; readonly hash: string }>();

  /** Undefined when the path is none of OpenAPI v3. */
  reply({ path, headers }: Pick<Request, "path" | "headers">): Reply | undefined {
    const names = groupVersions().map(({ group, version }) => (group === "" ? `api/${version}` : `apis/${group}/${version}`));
    if (path === "/openapi/v3")
      return json(200, {
        paths: Object.fromEntries(names.map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${this.#document(name).hash}` }])),
      });
    const name = path.slice("/openapi/v3/".length);
    if (!path.startsWith("/openapi/v3/") || !names.includes(name)) return undefined;
    const { body, hash } = this.#document(name);
    const caching = { etag: `"${hash}"`, "cache-control": "public, immutable", expires: new Date(Date.now() + YEAR_SECONDS * 1000).toUTCString() };
    if (headers["if-none-match"] === `"${hash}"`) return { status: 304, headers: caching };
    return { status: 200, headers: { "content-type": "application/json", "content-length": body.length, ...caching }, body };
  }

  #document(name: string): { readonly body: Buffer; readonly hash: string } {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    const version = name.replace(/^apis?\//, "");
    const own = groupVersions().find((one) => apiVersionOf(one) === version)!;
    const body = Buffer.from(JSON.stringify(documentOf(own.resources)));
    const made = { body, hash: createHash("sha256").update(body).digest("hex").slice(0, 32).toUpperCase() };
    this.#documents.set(name, made);
    return made;
  }
}

function documentOf(resources: readonly Resource[]): unknown {
  const paths = Object.fromEntries(resources.flatMap((resource) => pathsOf(resource)));
  return { openapi: "3.0.0", info: { title: "Kubernetes", version: "unversioned" }, paths, components: { schemas: schemasFor(resources) } };
}

function pathsOf(resource: Resource): [string, unknown][] {
  const { group, resource: plural, namespaced, verbs } = resource;
  const version = apiVersionOf(resource);
  const collection = `${group === "" ? "/api" : "/apis"}/${version}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const create: [string, unknown] = [collection, { parameters: parameters(namespaced, false), post: operation(resource, "post") }];
  if (!verbs.includes("patch")) return [create];
  const item = {
    parameters: parameters(namespaced, true),
    get: operation(resource, "get"),
    put: operation(resource, "put"),
    patch: operation(resource, "patch"),
    delete: operation(resource, "delete"),
  };
  return [create, [`${collection}/{name}`, item]];
}

function parameters(namespaced: boolean, named: boolean): unknown[] {
  const path = (name: string): unknown => ({ name, in: "path", required: true, schema: { type: "string", uniqueItems: true } });
  return [...(namespaced ? [path("namespace")] : []), ...(named ? [path("name")] : [])];
}

type Method = "get" | "post" | "put" | "patch" | "delete";

function operation({ group, version, kind }: Resource, method: Method): unknown {
  const write = method !== "get" && method !== "delete";
  return {
    operationId: `${method}${kind}`,
    "x-kubernetes-action": method,
    "x-kubernetes-group-version-kind": { group, version, kind },
    ...(write && { parameters: ["dryRun", "fieldManager", "fieldValidation", ...(method === "patch" ? ["force"] : [])].map(queryParameter) }),
    ...(method === "patch" && {
      requestBody: { required: true, content: Object.fromEntries(patchTypes.map((type) => [type, { schema: { type: "object" } }])) },
    }),
    responses: { 200: { description: "OK" } },
  };
}

function queryParameter(name: string): unknown {
  return { name, in: "query", schema: { type: name === "force" ? "boolean" : "string", uniqueItems: true } };
}
