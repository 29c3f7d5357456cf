/** --output, --push and --load → outputs, with buildx's and BuildKit's names. What is not known is refused by name. */
import { resolve } from "node:path";
import { parseLevel, type Annotation } from "../../builder/output/annotations.ts";
import type { Compression } from "../../store/store.ts";
import { UsageError } from "../errors.ts";
import { PLAIN_IMAGE, type Destination, type Output, type OutputForm } from "./outputs.ts";
import { readFields } from "./pairs.ts";

export interface OutputFlags {
  readonly output: readonly string[];
  readonly push?: boolean;
  readonly load?: boolean;
}

const FORM = ["compression", "compression-level", "force-compression", "oci-mediatypes", "rewrite-timestamp"];
const IMAGE = [...FORM, "name", "push", "push-by-digest", "registry.insecure", "store", "unpack", "name-canonical", "dangling-name-prefix"];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  image: IMAGE,
  registry: IMAGE,
  oci: [...FORM, "name", "dest", "tar"],
  docker: [...FORM, "name", "dest", "tar"],
  local: ["dest", "mode", "platform-split"],
  tar: ["dest", "platform-split"],
  cacheonly: [],
};
const COMPRESSIONS: Readonly<Record<string, Compression>> = { uncompressed: "none", gzip: "gzip", zstd: "zstd" };
const LEVELS: Readonly<Record<Compression, readonly [least: number, most: number]>> = { none: [0, 0], gzip: [0, 9], zstd: [1, 22] };

/** @throws {UsageError} @throws {BuilderError} `FLAG_INVALID` */
export function planOutputs({ output, push = false, load = false }: OutputFlags): readonly Output[] {
  const outputs = output.length === 0 ? [PLAIN_IMAGE] : output.map(parseOutput);
  const streams = outputs.filter((one) => "destination" in one && one.destination === undefined);
  if (streams.length > 1) throw new UsageError("Cannot write two outputs to standard output: name a file with dest=FILE");
  const pushed = push ? pushing(outputs) : outputs;
  const isKept = pushed.some((one) => one.kind === "image" && one.store);
  return load && !isKept ? [...pushed, PLAIN_IMAGE] : pushed;
}

/** As in buildx: of the image outputs each is pushed; without one there is one more output. */
function pushing(outputs: readonly Output[]): readonly Output[] {
  if (!outputs.some(({ kind }) => kind === "image")) return [...outputs, { ...PLAIN_IMAGE, push: true }];
  return outputs.map((one) => (one.kind === "image" ? { ...one, push: true } : one));
}

/** @throws {UsageError} @throws {BuilderError} `FLAG_INVALID` */
export function parseOutput(text: string): Output {
  if (text === "-") return { kind: "tar", destination: undefined, split: true };
  if (!text.includes("=")) return { kind: "local", destination: resolve(text), isMirror: false, split: true };
  const fields = new Fields(text);
  const type = fields.get("type") ?? "";
  fields.check(type);
  switch (type) {
    case "image":
    case "registry":
      return imageOutput(fields, type === "registry");
    case "oci":
    case "docker":
      return archiveOutput(fields, type);
    case "tar":
      return { kind: "tar", destination: destinationOf(fields), split: fields.flag("platform-split", true) };
    case "local":
      return localOutput(fields);
    default:
      return { kind: "none" };
  }
}

function imageOutput(fields: Fields, isRegistry: boolean): Output {
  return {
    kind: "image",
    names: namesOf(fields),
    push: fields.flag("push", isRegistry),
    pushByDigest: fields.flag("push-by-digest", false),
    insecure: fields.flag("registry.insecure", false),
    store: fields.flag("store", true),
    nameCanonical: fields.flag("name-canonical", false),
    danglingPrefix: fields.get("dangling-name-prefix"),
    form: formOf(fields),
  };
}

/** Without a destination a docker archive goes where docker's images are: into the store. */
function archiveOutput(fields: Fields, type: "oci" | "docker"): Output {
  const form = formOf(fields);
  const isFolder = !fields.flag("tar", true);
  const destination = destinationOf(fields);
  if (type === "docker" && fields.get("dest") === undefined) {
    if (isFolder) throw fields.wrong("tar", "a folder needs dest=FOLDER");
    return { ...PLAIN_IMAGE, names: namesOf(fields), form };
  }
  if (isFolder && destination === undefined) throw fields.wrong("tar", "a folder needs dest=FOLDER");
  return { kind: "archive", names: namesOf(fields), destination, isFolder, form: { ...form, compression: form.compression ?? "gzip" } };
}

function localOutput(fields: Fields): Output {
  const destination = destinationOf(fields);
  if (destination === undefined) throw new UsageError("Cannot write --output type=local: it needs dest=FOLDER");
  const mode = fields.get("mode") ?? "copy";
  if (mode !== "copy" && mode !== "delete") throw fields.wrong("mode", "expected copy or delete");
  return { kind: "local", destination, isMirror: mode === "delete", split: fields.flag("platform-split", true) };
}

function formOf(fields: Fields): OutputForm {
  const word = fields.get("compression");
  const compression = word === undefined ? undefined : COMPRESSIONS[word];
  if (word !== undefined && compression === undefined) throw fields.wrong("compression", `expected ${Object.keys(COMPRESSIONS).join(", ")}`);
  const level = levelOf(fields, compression ?? "gzip");
  const annotations = fields.annotations();
  fields.flag("rewrite-timestamp", true); // layers of a build never hold later times than the epoch: docs/decisions/reproducible.md
  return {
    compression: compression ?? (level === undefined ? undefined : "gzip"),
    ...(level === undefined ? {} : { level }),
    force: fields.flag("force-compression", false),
    docker: !fields.flag("oci-mediatypes", true) && annotations.length === 0, // docker's documents have no annotations: they turn OCI's on, as in BuildKit
    annotations,
  };
}

function levelOf(fields: Fields, compression: Compression): number | undefined {
  const text = fields.get("compression-level");
  if (text === undefined) return undefined;
  const [least, most] = LEVELS[compression];
  const level = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(level >= least && level <= most)) throw fields.wrong("compression-level", `${compression} has ${least} to ${most}`);
  return level;
}

function namesOf(fields: Fields): readonly string[] | undefined {
  const text = fields.get("name");
  return text === undefined ? undefined : text.split(",").filter(Boolean);
}

function destinationOf(fields: Fields): Destination {
  const dest = fields.get("dest");
  return dest === undefined || dest === "-" ? undefined : resolve(dest);
}

const ANNOTATION = /^annotation(?:-(?<level>manifest|index|manifest-descriptor|index-descriptor))?(?<platform>\[[^\]]+\])?\.(?<key>.+)$/;

class Fields {
  readonly #text: string;
  readonly #fields: ReadonlyMap<string, string>;

  constructor(text: string) {
    this.#text = text;
    this.#fields = readFields(text);
  }

  get(key: string): string | undefined {
    return this.#fields.get(key);
  }

  /** What Go's ParseBool takes. */
  flag(key: string, usual: boolean): boolean {
    const text = this.get(key);
    if (text === undefined) return usual;
    if (/^(?:1|t|true)$/i.test(text)) return true;
    if (/^(?:0|f|false)$/i.test(text)) return false;
    throw this.wrong(key, "expected true or false");
  }

  annotations(): readonly Annotation[] {
    return [...this.#fields].flatMap(([name, value]) => {
      const { level = "manifest", platform = "", key = "" } = ANNOTATION.exec(name)?.groups ?? {};
      return key === "" ? [] : [{ ...parseLevel(`${level}${platform}`, name), key, value }];
    });
  }

  check(type: string): void {
    const known = Object.hasOwn(KEYS, type) ? KEYS[type] : undefined;
    if (known === undefined) throw this.wrong("type", `expected ${Object.keys(KEYS).join(", ")}`);
    const takesAnnotations = known.includes("compression");
    for (const key of this.#fields.keys()) {
      if (key === "type" || known.includes(key) || (takesAnnotations && ANNOTATION.test(key))) continue;
      throw new UsageError(`Cannot use ${key} in --output ${this.#text}: type=${type} knows ${known.join(", ") || "no others"}`);
    }
  }

  wrong(key: string, reason: string): UsageError {
    return new UsageError(`Cannot use ${key}=${this.get(key) ?? ""} in --output ${this.#text}: ${reason}`);
  }
}
