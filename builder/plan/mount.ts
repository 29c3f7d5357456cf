/** RUN --mount: its fields, expanded, as what is to be mounted. Spec: Dockerfile reference, "RUN --mount". */
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { readBool } from "../dockerfile/flags.ts";
import { mountFields } from "../dockerfile/mount-fields.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import type { FileAccess, MountPlan, Origin } from "./graph.ts";

const ALIASES: Readonly<Record<string, string>> = { src: "source", dst: "target", destination: "target", readonly: "ro", readwrite: "rw" };
/** These two every type takes, as BuildKit, also where they say nothing. */
const GENERAL = ["type", "id", "ro", "rw", "target"];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  bind: [...GENERAL, "source", "from"],
  cache: [...GENERAL, "sharing", "from", "source", "mode", "uid", "gid"],
  tmpfs: [...GENERAL, "size"],
  secret: [...GENERAL, "source", "env", "required", "mode", "uid", "gid"],
  ssh: [...GENERAL, "required", "mode", "uid", "gid"],
};
/** Only these may stand alone. */
const BARE = ["ro", "rw", "required"];
const SHARING = ["shared", "private", "locked"] as const;
const MAX_ID = 2 ** 32 - 1;

export interface MountScope {
  readonly cwd: string;
  /** Expands variables; not applied to `from`. */
  readonly expand: (text: string) => string;
  readonly from: (name: string) => Origin;
  /** Cache mounts of different ones never meet. */
  readonly cacheNamespace: string;
}

/** @throws {BuilderError} `FLAG_INVALID` */
export function parseMount(text: string, scope: MountScope): MountPlan {
  const options = readOptions(text, scope);
  switch (options.get("type") ?? "bind") {
    case "cache":
      return cacheMount(options, scope);
    case "tmpfs":
      return tmpfsMount(options, scope);
    case "secret":
      return secretMount(options, scope);
    case "ssh":
      return sshMount(options, scope);
    default:
      return bindMount(options, scope);
  }
}

type Options = ReadonlyMap<string, string>;

function readOptions(text: string, scope: MountScope): Options {
  const options = new Map<string, string>();
  for (const { key: written, value } of mountFields(text)) {
    const key = ALIASES[written] ?? written;
    if (value === undefined && !BARE.includes(key)) throw invalid(`Cannot read ${JSON.stringify(written)} in --mount: it must be a key=value pair`);
    const expanded = value === undefined ? "true" : key === "from" ? value : scope.expand(value);
    options.set(key, key === "type" || key === "sharing" ? expanded.toLowerCase() : expanded);
  }
  const type = options.get("type") ?? "bind";
  const keys = Object.hasOwn(KEYS, type) ? KEYS[type] : undefined;
  if (keys === undefined) throw invalid(`Cannot mount type ${type}: unknown type`, didYouMean(type, Object.keys(KEYS)));
  for (const key of options.keys()) {
    if (!keys.includes(key)) throw invalid(`Cannot use ${key} in --mount=type=${type}: unknown key`, didYouMean(key, [...keys, ...Object.keys(ALIASES)]));
  }
  return options;
}

function targetOf(options: Options, scope: MountScope): string {
  const target = options.get("target") ?? "";
  const path = posix.resolve(scope.cwd, target);
  if (target === "" || path === "/") throw invalid(`Cannot mount on ${JSON.stringify(target)}: a target other than / is required`);
  return path;
}

function isReadOnly(options: Options, fallback: boolean): boolean {
  const writable = readBool("rw", options.get("rw"));
  return readBool("ro", options.get("ro")) ?? (writable === undefined ? fallback : !writable);
}

function bindMount(options: Options, scope: MountScope): MountPlan {
  const from = options.get("from") ?? "";
  return {
    kind: "bind",
    origin: from === "" ? { kind: "context" } : scope.from(from),
    source: posix.join("/", options.get("source") ?? "/"),
    target: targetOf(options, scope),
    writable: !isReadOnly(options, true),
  };
}

function cacheMount(options: Options, scope: MountScope): MountPlan {
  const target = targetOf(options, scope);
  const wanted = options.get("sharing") ?? "shared";
  const sharing = SHARING.find((name) => name === wanted);
  if (sharing === undefined) throw invalid(`Cannot use sharing=${wanted}: expected ${SHARING.join(", ")}`, didYouMean(wanted, SHARING));
  const from = options.get("from") ?? "";
  const source = posix.join("/", options.get("source") ?? "/");
  const below = from === "" ? source.slice(1) : "";
  const isOwned = ["mode", "uid", "gid"].some((key) => options.has(key));
  return {
    kind: "cache",
    id: posix.join(scope.cacheNamespace, options.get("id") || posix.normalize(options.get("target") ?? "")),
    target,
    readOnly: isReadOnly(options, false),
    sharing,
    ...(from === "" ? {} : { seed: { origin: scope.from(from), source } }),
    ...(below === "" ? {} : { below }),
    ...access(options, 0o755),
    isOwned,
  };
}

function tmpfsMount(options: Options, scope: MountScope): MountPlan {
  const size = options.get("size");
  return { kind: "tmpfs", target: targetOf(options, scope), ...(size === undefined ? {} : { size: parseBytes(size) }) };
}

function secretMount(options: Options, scope: MountScope): MountPlan {
  const [source, target] = [options.get("source") || undefined, options.get("target") || undefined];
  if (source !== undefined && options.has("id")) throw invalid("Cannot mount a secret: both source and id can't be set");
  const id = options.get("id") || source || (target === undefined ? "" : posix.basename(target));
  if (id === "") throw invalid("Cannot mount a secret: one of id, source, target is required");
  const env = options.get("env");
  const path = target === undefined ? (env === undefined ? `/run/secrets/${posix.basename(id)}` : undefined) : posix.resolve(scope.cwd, target);
  return { kind: "secret", id, target: path, env: env === "" ? id : env, required: isRequired(options), ...access(options, 0o400) };
}

function sshMount(options: Options, scope: MountScope): MountPlan {
  const target = options.get("target") || undefined;
  return {
    kind: "ssh",
    id: options.get("id") || "default",
    target: target === undefined ? undefined : posix.resolve(scope.cwd, target),
    required: isRequired(options),
    ...access(options, 0o600),
  };
}

function isRequired(options: Options): boolean {
  return readBool("required", options.get("required")) ?? false;
}

function access(options: Options, mode: number): FileAccess {
  const number = (key: string, digits: RegExp, base: number, fallback: number): number => {
    const text = options.get(key);
    const value = text === undefined ? fallback : digits.test(text) ? Number.parseInt(text, base) : Number.NaN;
    if (!(value <= MAX_ID)) throw invalid(`Cannot use ${key}=${text} in --mount: expected ${base === 8 ? "octal digits" : "a number"}`);
    return value;
  };
  return { mode: number("mode", /^[0-7]+$/, 8, mode), uid: number("uid", /^\d+$/, 10, 0), gid: number("gid", /^\d+$/, 10, 0) };
}

function invalid(message: string, options: { readonly hint?: string } = {}): BuilderError {
  return new BuilderError("FLAG_INVALID", message, options);
}

/** `64m`, `1g`, `1024`. @throws {BuilderError} `FLAG_INVALID` */
export function parseBytes(text: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(text.trim()) ?? [];
  if (amount === undefined) throw invalid(`Cannot read ${JSON.stringify(text)} as a size`);
  return Math.floor(Number(amount) * 1024 ** " kmgtp".indexOf(unit === "" ? " " : unit.toLowerCase()));
}
