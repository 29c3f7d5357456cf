/** The API types as data: what fields each has, how they are written in JSON and protobuf, and how they merge. Read from disk when first asked for. */
import { readFileSync } from "node:fs";

export interface Field {
  /** JSON name. */
  readonly name: string;
  readonly type: string;
  readonly shape: "one" | "list" | "map";
  readonly pointer: boolean;
  /** Left out of JSON when it has its zero value (`omitempty`). */
  readonly optional: boolean;
  /** Struct of one or of each item; undefined for scalars. */
  readonly struct: string | undefined;
  readonly scalar: Scalar | undefined;
  /** Strategic merge: items of the list merge (by `patchKey` when they are objects); `retainKeys` as in the API conventions. */
  readonly patchMerge: boolean;
  readonly patchRetainKeys: boolean;
  readonly patchKey: string | undefined;
  /** Server-side apply: how ownership is split. */
  readonly topology: "atomic" | "granular" | "set" | "keyed";
  readonly listKeys: readonly string[];
  /** What a key of a list has when it is absent. */
  readonly default: string | undefined;
}

export type Scalar = "string" | "bool" | "int32" | "int64" | "bytes" | "quantity" | "time" | "micro-time" | "int-or-string" | "any" | "strings";

export interface Struct {
  readonly name: string;
  /** In the order of the specification, inlined structs flattened. */
  readonly fields: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;
}

/** As in the data file; see its keys there. */
export interface RawField {
  readonly n: string;
  readonly t: string;
  readonly "#"?: number;
  readonly rep?: 1;
  readonly map?: string;
  readonly ptr?: 1;
  readonly om?: 1;
  readonly inline?: 1;
  readonly ps?: string;
  readonly pk?: string;
  readonly lt?: "atomic" | "set" | "map";
  readonly lk?: readonly string[];
  readonly mt?: "atomic" | "granular";
  readonly st?: "atomic" | "granular";
  /** As JSON text, or the name of a constant. */
  readonly def?: string;
}

interface Data {
  readonly types: Readonly<Record<string, readonly RawField[]>>;
  readonly scalars: Readonly<Record<string, string>>;
}

const scalars: Readonly<Record<string, Scalar>> = {
  string: "string",
  bool: "bool",
  int32: "int32",
  int64: "int64",
  "[]byte": "bytes",
  "[]string": "strings",
  "types.UID": "string",
  "resource.Quantity": "quantity",
  "meta/v1.Time": "time",
  "meta/v1.MicroTime": "micro-time",
  "intstr.IntOrString": "int-or-string",
  "runtime.RawExtension": "any",
  "meta/v1.FieldsV1": "any",
};

let loaded: Data | undefined;
const structs = new Map<string, Struct>();

function data(): Data {
  loaded ??= JSON.parse(readFileSync(new URL("../../../orchestrator/data/kubernetes-types.json", import.meta.url), "utf8")) as Data;
  return loaded;
}

/** The fields as they are in protobuf: inlined structs are messages of their own. */
export function rawFields(name: string): readonly RawField[] {
  const fields = data().types[name];
  if (fields === undefined) throw new Error(`no type ${name}`);
  return fields;
}

export function isStruct(name: string): boolean {
  return scalars[name] === undefined && data().types[name] !== undefined;
}

export function scalarOf(type: string): Scalar | undefined {
  return scalars[type] ?? (data().types[type] === undefined ? (scalars[data().scalars[type] ?? ""] ?? "any") : undefined);
}

export function structOf(name: string): Struct {
  const known = structs.get(name);
  if (known !== undefined) return known;
  const fields = rawFields(name).flatMap((raw) => (raw.inline && isStruct(raw.t) ? structOf(raw.t).fields : [fieldOf(raw)]));
  const struct = { name, fields, byName: new Map(fields.map((field) => [field.name, field])) };
  structs.set(name, struct);
  return struct;
}

function fieldOf(raw: RawField): Field {
  const shape = raw.map !== undefined ? "map" : raw.rep ? "list" : "one";
  const scalar = scalarOf(raw.t);
  return {
    name: raw.n,
    type: raw.t,
    shape,
    pointer: raw.ptr === 1,
    optional: raw.om === 1,
    scalar,
    struct: scalar === undefined ? raw.t : undefined,
    patchMerge: raw.ps?.split(",").includes("merge") ?? false,
    patchRetainKeys: raw.ps?.split(",").includes("retainKeys") ?? false,
    patchKey: raw.pk,
    topology: topologyOf(raw, shape, scalar),
    listKeys: raw.lk ?? [],
    default: raw.def?.startsWith('"') === true ? (JSON.parse(raw.def) as string) : undefined,
  };
}

function topologyOf(raw: RawField, shape: Field["shape"], scalar: Scalar | undefined): Field["topology"] {
  if (shape === "list") return raw.lt === "map" ? "keyed" : raw.lt === "set" ? "set" : "atomic";
  if (shape === "map") return raw.mt ?? "granular";
  return scalar === undefined ? (raw.st ?? (atomicStructs.has(raw.t) ? "atomic" : "granular")) : "atomic";
}

/** Structs marked `+structType=atomic` where they are declared. */
const atomicStructs: ReadonlySet<string> = new Set([
  "meta/v1.LabelSelector",
  "core/v1.ObjectReference",
  "core/v1.LocalObjectReference",
  "core/v1.SecretReference",
  "core/v1.TypedLocalObjectReference",
  "core/v1.ConfigMapKeySelector",
  "core/v1.SecretKeySelector",
  "core/v1.ObjectFieldSelector",
  "core/v1.ResourceFieldSelector",
  "core/v1.NodeSelector",
  "core/v1.NodeSelectorTerm",
  "core/v1.TopologySelectorTerm",
  "autoscaling/v2.CrossVersionObjectReference",
]);
