/** The variables of a container, and where their values are from. Pure. */
import { NONE } from "./fields.ts";
import type { Container, Variable } from "./pod-types.ts";

/** What a reference to a field of the pod, or to a resource of one of its containers, stands for. */
export interface Lookup {
  readonly field: (path: string) => string;
  readonly resource: (container: string, resource: string) => string;
}

/** Of a template: nothing is known yet. */
export const NO_LOOKUP: Lookup = { field: () => "", resource: () => "" };

export function environmentLines(container: Container, lookup: Lookup, level: string): readonly string[] {
  const { env = [] } = container;
  if (env.length === 0) return [`${level}Environment:\t${NONE}`];
  return [`${level}Environment:`, ...env.flatMap((variable) => variableLines(variable, container, lookup)).map((line) => `${level}  ${line}`)];
}

function variableLines({ name, value, valueFrom }: Variable, container: Container, lookup: Lookup): readonly string[] {
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom ?? {};
  if (fieldRef !== undefined) return [`${name}:\t${lookup.field(fieldRef.fieldPath)} (${fieldRef.apiVersion ?? "v1"}:${fieldRef.fieldPath})`];
  if (resourceFieldRef !== undefined) {
    const { containerName = container.name, resource } = resourceFieldRef;
    return [`${name}:\t${lookup.resource(containerName, resource)} (${resource})`];
  }
  if (secretKeyRef !== undefined)
    return [`${name}:\t<set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name ?? ""}'>\tOptional: ${secretKeyRef.optional ?? false}`];
  if (configMapKeyRef !== undefined)
    return [
      `${name}:\t<set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name ?? ""}'>\tOptional: ${configMapKeyRef.optional ?? false}`,
    ];
  const [first = "", ...more] = (value ?? "").split("\n");
  return [`${name}:\t${first}`, ...more.map((line) => `\t${line}`)];
}

export function sourceLines(sources: NonNullable<Container["envFrom"]>, level: string): readonly string[] {
  if (sources.length === 0) return [];
  const rows = sources.map(({ prefix = "", configMapRef, secretRef }) => {
    const { name = "", optional = false } = configMapRef ?? secretRef ?? {};
    const kind = configMapRef === undefined ? "Secret" : "ConfigMap";
    return `${level}  ${name}\t${kind}${prefix === "" ? "" : ` with prefix '${prefix}'`}\tOptional: ${optional}`;
  });
  return [`${level}Environment Variables from:`, ...rows];
}
