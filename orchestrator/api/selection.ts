/** Which objects of a collection a request means: label selector, field selector. */
import type { KubeObject } from "../cluster.ts";
import { badRequest } from "../errors.ts";
import { meets, parseSelector } from "../schema/selector.ts";
import { apiVersionOf, type Resource } from "../schema/resource.ts";
import type { Target } from "./target.ts";

export type Selection = (object: KubeObject) => boolean;

interface FieldTerm {
  readonly path: string;
  readonly value: string;
  readonly equals: boolean;
}

/** @throws {ApiError} `BadRequest` */
export function selectionOf({ resource, name }: Pick<Target, "resource" | "name">, query: URLSearchParams): Selection {
  const labelText = query.get("labelSelector") ?? "";
  const labels = parseSelector(labelText);
  if (labels === undefined) throw badRequest(`unable to parse requirement: ${labelText}`);
  const fields = parseFields(resource, query.get("fieldSelector") ?? "");
  return (object) =>
    (name === undefined || object.metadata.name === name) &&
    labels.every((requirement) => meets(object.metadata.labels, requirement)) &&
    fields.every(({ path, value, equals }) => (fieldOf(object, path) === value) === equals);
}

function parseFields(resource: Resource, text: string): FieldTerm[] {
  return text
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
      if (match === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
      const path = match[1]!;
      if (!["metadata.name", "metadata.namespace", ...resource.selectable].includes(path)) {
        throw badRequest(
          `Unable to find "${apiVersionOf(resource)}, Resource=${resource.resource}" that match label selector "", field selector "${text}": field label not supported: ${path}`,
        );
      }
      return { path, value: match[3]!.replaceAll(/\\([\\,=])/g, "$1"), equals: match[2] !== "!=" };
    });
}

function fieldOf(object: KubeObject, path: string): string {
  if (path === "source") return object["source"]?.component ?? object["reportingComponent"] ?? "";
  if (path === "status.successful") return String(object.status?.succeeded ?? 0);
  const value = path.split(".").reduce<unknown>((part, name) => (part as Readonly<Record<string, unknown>> | null | undefined)?.[name], object);
  if (value === undefined) return booleans.has(path) ? "false" : path === "status.replicas" ? "0" : "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

const booleans: ReadonlySet<string> = new Set(["spec.unschedulable", "spec.hostNetwork"]);
