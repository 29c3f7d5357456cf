/** RUN --mount=type=…,key=value: comma-separated, quotable as CSV. Spec: Dockerfile reference, "RUN --mount". */
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { readBool } from "../dockerfile/flags.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import type { MountPlan, Origin } from "./graph.ts";

const ALIASES: Readonly<Record<string, string>> = { src: "source", dst: "target", destination: "target", readonly: "ro", readwrite: "rw" };
const KEYS: Readonly<Record<string, readonly string[]>> = {
  bind: ["source", "target", "from", "ro", "rw"],
  cache: ["id", "target", "ro", "rw", "sharing", "from", "source", "mode", "uid", "gid"],
  tmpfs: ["target", "size"],
  secret: ["id", "target", "source", "env", "required", "mode", "uid", "gid"],
  ssh: ["id", "target", "required", "mode", "uid", "gid"],
};
const SHARING = ["shared", "private", "locked"] as const;

export interface MountScope {
  readonly cwd: string;
  /** Expands variables; not applied to `from`. */
  readonly expand: (text: string) => string;
  readonly from: (name: string) => Origin;
}

/** @throws {BuilderError} `FLAG_INVALID`, `UNSUPPORTED` */
export function parseMount(text: string, scope: MountScope): MountPlan {
  const options = readOptions(text, scope);
  const type = options.get("type") ?? "bind";
  if (type === "ssh") throw new BuilderError("UNSUPPORTED", "Cannot use RUN --mount=type=ssh: no agent is forwarded to builds");
  if (type === "bind") return bindMount(options, scope);
  if (type === "cache") return cacheMount(options, scope);
  if (type === "tmpfs") return tmpfsMount(options, scope);
  return secretMount(options, scope);
}

/** The origins that a mount reads, before variables are known. */
export function mountOrigin(text: string): string | undefined {
  return csvFields(text)
    .find((field) => field.startsWith("from="))
    ?.slice("from=".length);
}

type Options = ReadonlyMap<string, string>;

function readOptions(text: string, scope: MountScope): Options {
  const options = new Map<string, string>();
  for (const field of csvFields(text)) {
    const equals = field.indexOf("=");
    const written = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const key = ALIASES[written] ?? written;
    const value = equals < 0 ? "true" : field.slice(equals + 1);
    options.set(key, key === "from" ? value : scope.expand(value));
  }
  const type = options.get("type") ?? "bind";
  const keys = Object.hasOwn(KEYS, type) ? KEYS[type] : undefined;
  if (keys === undefined) throw new BuilderError("FLAG_INVALID", `Cannot mount type ${type}: unknown type`, didYouMean(type, Object.keys(KEYS)));
  for (const key of options.keys()) {
    if (key !== "type" && !keys.includes(key))
      throw new BuilderError("FLAG_INVALID", `Cannot use ${key} in --mount=type=${type}: unknown key`, didYouMean(key, keys));
  }
  return options;
}

function csvFields(text: string): readonly string[] {
  return (text.match(/(?:"(?:[^"]|"")*"|[^,])+/g) ?? []).map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}

function targetOf(options: Options, scope: MountScope): string {
  const target = options.get("target") ?? "";
  const path = posix.resolve(scope.cwd, target);
  if (target === "" || path === "/") throw new BuilderError("FLAG_INVALID", `Cannot mount on ${JSON.stringify(target)}: a target other than / is required`);
  return path;
}

function bindMount(options: Options, scope: MountScope): MountPlan {
  const from = options.get("from");
  const writable = readBool("rw", options.get("rw")) ?? readBool("ro", options.get("ro")) === false;
  return {
    kind: "bind",
    origin: from === undefined ? { kind: "context" } : scope.from(from),
    source: posix.join("/", options.get("source") ?? "/"),
    target: targetOf(options, scope),
    writable,
  };
}

function cacheMount(options: Options, scope: MountScope): MountPlan {
  if (options.has("from") || options.has("source"))
    throw new BuilderError("UNSUPPORTED", "Cannot use from or source in --mount=type=cache: cache mounts start empty");
  const target = targetOf(options, scope);
  const wanted = options.get("sharing") ?? "shared";
  const sharing = SHARING.find((name) => name === wanted);
  if (sharing === undefined) throw new BuilderError("FLAG_INVALID", `Cannot use sharing=${wanted}: expected ${SHARING.join(", ")}`);
  return {
    kind: "cache",
    id: options.get("id") ?? target,
    target,
    readOnly: readBool("ro", options.get("ro")) ?? false,
    sharing,
    ...ownership(options, 0o755),
  };
}

function tmpfsMount(options: Options, scope: MountScope): MountPlan {
  const size = options.get("size");
  return { kind: "tmpfs", target: targetOf(options, scope), ...(size === undefined ? {} : { size: parseBytes(size) }) };
}

function secretMount(options: Options, scope: MountScope): MountPlan {
  const env = options.get("env");
  const target = options.get("target");
  const id = options.get("id") ?? options.get("source") ?? (target === undefined ? undefined : posix.basename(target)) ?? env;
  if (id === undefined || id === "") throw new BuilderError("FLAG_INVALID", "Cannot mount a secret: it has no id");
  const path = target === undefined ? (env === undefined ? `/run/secrets/${id}` : undefined) : posix.resolve(scope.cwd, target);
  return { kind: "secret", id, target: path, env, required: readBool("required", options.get("required")) ?? false, ...ownership(options, 0o400) };
}

function ownership(options: Options, mode: number): { readonly mode: number; readonly uid: number; readonly gid: number } {
  const number = (key: string, base: number, fallback: number): number => {
    const text = options.get(key);
    const value = text === undefined ? fallback : Number.parseInt(text, base);
    if (!Number.isInteger(value) || value < 0) throw new BuilderError("FLAG_INVALID", `Cannot use ${key}=${text} in --mount: expected a number`);
    return value;
  };
  return { mode: number("mode", 8, mode), uid: number("uid", 10, 0), gid: number("gid", 10, 0) };
}

/** `64m`, `1g`, `1024`. @throws {BuilderError} `FLAG_INVALID` */
export function parseBytes(text: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  if (amount === undefined) throw new BuilderError("FLAG_INVALID", `Cannot read ${JSON.stringify(text)} as a size`);
  return Math.floor(Number(amount) * 1024 ** " kmgt".indexOf(unit === "" ? " " : unit.toLowerCase()));
}
