/** A container's environment: references resolved, `$(NAME)` expanded. Spec: Kubernetes documentation, "Define Environment Variables for a Container". */
import type { KubeObject } from "../../cluster.ts";
import { StartError } from "../errors.ts";
import { fieldValue, resourceValue } from "./fields.ts";
import type { ContainerSpec, EnvFrom, EnvVar, KeyRef } from "../pod-spec.ts";

/** Reads an object of the pod's namespace. */
export type Lookup = (resource: "configmaps" | "secrets", name: string) => KubeObject | undefined;

/** In order of precedence: what comes later wins, over the variables of `services` too. @throws {StartError} `CreateContainerConfigError` */
export function environmentOf(
  pod: KubeObject,
  container: ContainerSpec,
  lookup: Lookup,
  services: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const environment = new Map<string, string>(services);
  for (const source of container.envFrom ?? []) for (const [name, value] of fromSource(source, lookup)) environment.set(name, value);
  for (const variable of container.env ?? []) {
    const value = valueOf(pod, container, variable, environment, lookup);
    if (value !== undefined) environment.set(variable.name, value);
  }
  return environment;
}

function valueOf(
  pod: KubeObject,
  container: ContainerSpec,
  { value = "", valueFrom }: EnvVar,
  before: ReadonlyMap<string, string>,
  lookup: Lookup,
): string | undefined {
  if (valueFrom === undefined) return expand(value, before);
  if (valueFrom.fieldRef !== undefined) return fieldValue(pod, valueFrom.fieldRef);
  if (valueFrom.resourceFieldRef !== undefined) return resourceValue(pod, container, valueFrom.resourceFieldRef);
  if (valueFrom.configMapKeyRef !== undefined) return keyValue("configmaps", valueFrom.configMapKeyRef, lookup);
  if (valueFrom.secretKeyRef !== undefined) return keyValue("secrets", valueFrom.secretKeyRef, lookup);
  return "";
}

function keyValue(resource: "configmaps" | "secrets", { name, key, optional = false }: KeyRef, lookup: Lookup): string | undefined {
  const object = lookup(resource, name);
  const value = object === undefined ? undefined : entriesOf(object).get(key);
  if (value !== undefined) return value.toString();
  if (optional) return undefined;
  const kind = resource === "secrets" ? "secret" : "configmap";
  throw new StartError(
    "CreateContainerConfigError",
    object === undefined ? `${kind} "${name}" not found` : `couldn't find key ${key} in ${object.kind} ${object.metadata.namespace}/${name}`,
  );
}

function fromSource({ prefix = "", configMapRef, secretRef }: EnvFrom, lookup: Lookup): readonly (readonly [string, string])[] {
  const [resource, reference] = configMapRef === undefined ? (["secrets", secretRef] as const) : (["configmaps", configMapRef] as const);
  if (reference === undefined) return [];
  const object = lookup(resource, reference.name);
  if (object === undefined && reference.optional !== true) {
    throw new StartError("CreateContainerConfigError", `${resource === "secrets" ? "secret" : "configmap"} "${reference.name}" not found`);
  }
  return object === undefined ? [] : [...entriesOf(object)].map(([key, value]) => [`${prefix}${key}`, value.toString()]);
}

/** The keys of a ConfigMap or Secret with their bytes. */
export function entriesOf(object: KubeObject): ReadonlyMap<string, Buffer> {
  const text =
    object.kind === "Secret" ? [] : Object.entries((object["data"] ?? {}) as Record<string, string>).map(([key, value]) => [key, Buffer.from(value)] as const);
  const encoded = ((object.kind === "Secret" ? object["data"] : object["binaryData"]) ?? {}) as Record<string, string>;
  return new Map([...text, ...Object.entries(encoded).map(([key, value]) => [key, Buffer.from(value, "base64")] as const)]);
}

/** `$(NAME)` becomes the variable's value; `$$(NAME)` and unknown names stay as text. */
export function expand(text: string, environment: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()\s]+)\))/g, (whole, name?: string) => {
    if (name === undefined) return "$";
    return environment.get(name) ?? whole;
  });
}
