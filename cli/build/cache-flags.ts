/** --cache-from and --cache-to: BuildKit's spelling, `type=registry,ref=…`; a bare name is an image or a cache of a registry. */
import { resolve } from "node:path";
import type { CachePlace, CacheTarget } from "../../builder/cache/storage.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { parseReference } from "../../store/reference.ts";
import { UsageError } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";
import { readFields } from "./pairs.ts";

type Fields = ReadonlyMap<string, string>;

const PLACE_KEYS = {
  from: { registry: ["ref", "registry.insecure"], local: ["src", "tag", "digest"] },
  to: { registry: ["ref", "registry.insecure"], local: ["dest", "tag"] },
} as const;
const TARGET_KEYS = ["mode", "compression", "compression-level", "force-compression", "ignore-error", "image-manifest", "oci-mediatypes"];
const ELSEWHERE = ["gha", "s3", "azblob"];
const COMPRESSIONS = { uncompressed: "none", gzip: "gzip", zstd: "zstd" } as const;
const LEVELS = { none: 0, gzip: 9, zstd: 22 } as const;

export type CacheRequest = Pick<BuildRequest, "cacheFrom" | "cacheTo" | "inlineCache">;

/** @throws {UsageError} */
export function readCacheFlags({ cacheFrom, cacheTo }: Pick<BuildFlags, "cacheFrom" | "cacheTo">): CacheRequest {
  const targets = cacheTo.flatMap(target);
  return {
    cacheFrom: cacheFrom.flatMap(source),
    cacheTo: targets.flatMap((one) => (one === "inline" ? [] : [one])),
    ...(targets.includes("inline") ? { inlineCache: true } : {}),
  };
}

/** Several names in one word are docker's old form. */
function source(text: string): readonly CachePlace[] {
  if (!text.includes("=")) return text.split(",").map((name) => ({ kind: "registry", reference: parseReference(name).name, insecure: false }));
  const { type, fields } = typed("cache-from", text);
  if (type === "inline") throw new UsageError(`Cannot use --cache-from ${text}: an inline cache is in its image, name that by type=registry,ref=IMAGE`);
  return [place("from", type, fields, text)];
}

function target(text: string): readonly (CacheTarget | "inline")[] {
  if (!text.includes("=") && text !== "inline") return target(`type=registry,ref=${text}`);
  const { type, fields } = typed("cache-to", text.includes("=") ? text : `type=${text}`);
  if (type === "inline") {
    known(fields, [], text, "cache-to");
    return ["inline"];
  }
  const where = place("to", type, fields, text);
  const ociTypes = flag(fields, "oci-mediatypes", true, text);
  const imageManifest = flag(fields, "image-manifest", ociTypes, text);
  if (imageManifest && !ociTypes) throw new UsageError(`Cannot use --cache-to ${text}: image-manifest=true needs oci-mediatypes=true`);
  flag(fields, "force-compression", false, text); // layers are always packed as asked for
  return [
    { place: where, mode: mode(fields, text), ...packing(fields, text), ignoreError: flag(fields, "ignore-error", false, text), imageManifest, ociTypes },
  ];
}

function typed(name: "cache-from" | "cache-to", text: string): { readonly type: "registry" | "local" | "inline"; readonly fields: Fields } {
  const fields = new Map(readFields(text));
  const type = fields.get("type") ?? (fields.has("ref") ? "registry" : "");
  fields.delete("type");
  if (type === "registry" || type === "local" || type === "inline") return { type, fields };
  const reason = ELSEWHERE.includes(type) ? "caches of that service are not supported" : "the type is unknown";
  throw new UsageError(`Cannot use --${name} ${text}: ${reason}, expected registry, local or inline`);
}

function place(way: "from" | "to", type: "registry" | "local" | "inline", fields: Fields, text: string): CachePlace {
  const kind = type === "local" ? "local" : "registry";
  const name = `cache-${way}` as const;
  known(fields, [...PLACE_KEYS[way][kind], ...(way === "to" ? TARGET_KEYS : [])], text, name);
  if (kind === "registry") {
    const reference = fields.get("ref");
    if (reference === undefined || reference === "") throw new UsageError(`Cannot use --${name} ${text}: it needs ref=REFERENCE`);
    return { kind, reference: parseReference(reference).name, insecure: flag(fields, "registry.insecure", false, text) };
  }
  const path = fields.get(way === "from" ? "src" : "dest");
  if (path === undefined || path === "") throw new UsageError(`Cannot use --${name} ${text}: it needs ${way === "from" ? "src" : "dest"}=FOLDER`);
  return { kind, path: resolve(path), name: fields.get("digest") ?? fields.get("tag") ?? "latest" };
}

function known(fields: Fields, keys: readonly string[], text: string, name: string): void {
  for (const key of fields.keys())
    if (!keys.includes(key))
      throw new UsageError(`Cannot use ${key} in --${name} ${text}: unknown option${keys.length === 0 ? "" : `, known are ${keys.join(", ")}`}`);
}

function flag(fields: Fields, key: string, otherwise: boolean, text: string): boolean {
  const value = fields.get(key)?.toLowerCase();
  if (value === undefined) return otherwise;
  if (value === "true" || value === "1" || value === "") return true;
  if (value === "false" || value === "0") return false;
  throw new UsageError(`Cannot use ${key}=${value} in ${text}: expected true or false`);
}

function mode(fields: Fields, text: string): CacheTarget["mode"] {
  const value = fields.get("mode") ?? "min";
  if (value === "min" || value === "max") return value;
  throw new UsageError(`Cannot use mode=${value} in --cache-to ${text}: expected min or max`);
}

function packing(fields: Fields, text: string): Pick<CacheTarget, "compression" | "level"> {
  const wanted = fields.get("compression") ?? "gzip";
  if (!Object.hasOwn(COMPRESSIONS, wanted))
    throw new UsageError(`Cannot use compression=${wanted} in --cache-to ${text}: expected ${Object.keys(COMPRESSIONS).join(", ")}`);
  const compression = COMPRESSIONS[wanted as keyof typeof COMPRESSIONS];
  const words = fields.get("compression-level");
  const level = words === undefined ? undefined : Number(words);
  if (level !== undefined && (!Number.isInteger(level) || level < 0 || level > LEVELS[compression]))
    throw new UsageError(`Cannot use compression-level=${words} in --cache-to ${text}: ${wanted} has levels 0 to ${LEVELS[compression]}`);
  return { compression, level };
}
