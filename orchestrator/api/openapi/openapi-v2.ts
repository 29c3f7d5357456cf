/** The OpenAPI v2 document in protobuf, which kubectl up to 1.28 cannot do without. Spec: gnostic openapiv2.proto; OpenAPI 2.0. */
import type { Reply, Request } from "../../../http/message.ts";
import { apiVersionOf, type Resource } from "../../schema/resource.ts";
import { resources } from "../../schema/resources.ts";
import { schemasFor } from "./openapi-schema.ts";
import { field, message } from "./protobuf-writer.ts";

/** What clients ask for is no media type by the grammar; what they are given is. */
const ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** What of a schema is written. */
interface Schema {
  readonly allOf?: readonly { readonly $ref?: string }[];
  readonly $ref?: string;
  readonly format?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Kept once made; nobody but old clients asks. */
export class OpenApiV2 {
  #document: Buffer | undefined;

  /** Undefined when the path is another; 406 for those who do not speak protobuf. */
  reply({ path, headers }: Pick<Request, "path" | "headers">): Reply | undefined {
    if (path !== "/openapi/v2") return undefined;
    if (!(headers.accept ?? "").includes(ASKED)) return { status: 406, headers: { "content-length": 0 } };
    this.#document ??= documentOf();
    return { status: 200, headers: { "content-type": MEDIA_TYPE, "content-length": this.#document.length }, body: this.#document };
  }
}

function documentOf(): Buffer {
  const info = message(field(1, "Kubernetes"), field(2, "unversioned"));
  const paths = message(...resources.filter(({ verbs }) => verbs.includes("patch")).map((resource) => field(2, pathOf(resource))));
  const definitions = message(...Object.entries(schemasFor(resources)).map(([name, schema]) => field(1, named(name, schemaOf(schema)))));
  return message(field(1, "2.0"), field(2, info), field(8, paths), field(9, definitions));
}

function named(name: string, value: Buffer): Buffer {
  return message(field(1, name), field(2, value));
}

function pathOf(resource: Resource): Buffer {
  const { group, resource: plural, namespaced, kind } = resource;
  const path = `${group === "" ? "/api" : "/apis"}/${apiVersionOf(resource)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}/{name}`;
  const operation = message(
    field(5, `patch${kind}`),
    field(7, "application/strategic-merge-patch+json"),
    ...["dryRun", "fieldManager", "fieldValidation"].map((name) => field(8, queryParameter(name))),
    field(13, extension("x-kubernetes-group-version-kind", groupVersionKind(resource))),
  );
  return message(field(1, path), field(2, field(8, operation)));
}

function queryParameter(name: string): Buffer {
  return field(1, field(2, field(3, message(field(2, "query"), field(4, name), field(6, "string")))));
}

function extension(name: string, value: unknown): Buffer {
  return message(field(1, name), field(2, field(2, JSON.stringify(value))));
}

function groupVersionKind({ group, version, kind }: Resource): unknown {
  return { group, version, kind };
}

function schemaOf(schema: Schema): Buffer {
  const reference = schema.allOf?.[0]?.$ref ?? schema.$ref;
  const { format, description, required = [], additionalProperties, type, items, properties = {} } = schema;
  return message(
    field(1, reference?.replace("#/components/schemas/", "#/definitions/")),
    field(2, format),
    field(4, description === "" ? undefined : description),
    ...required.map((name) => field(19, name)),
    field(21, additionalProperties && field(1, schemaOf(additionalProperties))),
    field(22, reference === undefined && type !== undefined ? field(1, type) : undefined),
    field(23, items && field(1, schemaOf(items))),
    field(
      25,
      Object.keys(properties).length === 0 ? undefined : message(...Object.entries(properties).map(([name, part]) => field(1, named(name, schemaOf(part))))),
    ),
    ...Object.entries(schema)
      .filter(([name]) => name.startsWith("x-"))
      .map(([name, value]) => field(31, extension(name, value))),
  );
}
