/** -v, --mount and --tmpfs as mount requests. Pure. Spec: docker run. */
import { resolve } from "node:path";
import type { MountRequest } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { parseBytes } from "./sizes.ts";

const PROPAGATION = new Set(["private", "rprivate", "shared", "rshared", "slave", "rslave"]);
/** What may follow the target; labels and consistency change nothing here. */
const VOLUME_OPTIONS = new Set([...PROPAGATION, "ro", "rw", "nocopy", "idmap", "z", "Z", "cached", "delegated", "consistent"]);

/** `[SOURCE:]TARGET[:OPTIONS]`: a source with a slash is a path, else the name of a volume. @throws {UsageError} */
export function parseVolumeFlag(text: string): MountRequest {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) throw new UsageError(`invalid volume: ${JSON.stringify(text)}`);
  const [first = "", second, third] = parts;
  if (second === undefined) return { kind: "volume", target: absolute(first, text) };
  const options = (third ?? "").split(",").filter((word) => word !== "");
  const unknown = options.find((word) => !VOLUME_OPTIONS.has(word));
  if (unknown !== undefined) throw new UsageError(`invalid volume: ${JSON.stringify(text)}: unknown option ${JSON.stringify(unknown)}`);
  const readOnly = options.includes("ro");
  const target = absolute(second, text);
  if (!/^[./~]/.test(first)) return { kind: "volume", name: first, target, readOnly, noCopy: options.includes("nocopy") };
  const propagation = options.find((word) => PROPAGATION.has(word));
  return {
    kind: "bind",
    source: resolve(first),
    target,
    readOnly,
    create: true,
    ...(propagation !== undefined && { propagation }),
    ...(options.includes("idmap") && { idmap: true }),
  };
}

/** `type=bind,source=…,target=…,readonly`. @throws {UsageError} */
export function parseMountFlag(text: string): MountRequest {
  const fields = new Map(text.split(",").map((field) => [field.split("=", 1)[0] ?? "", field.includes("=") ? field.slice(field.indexOf("=") + 1) : "true"]));
  const pick = (...names: readonly string[]): string | undefined => names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const target = pick("target", "destination", "dst");
  if (target === undefined) throw new UsageError(`invalid mount: ${JSON.stringify(text)} names no target`);
  const source = pick("source", "src");
  const readOnly = pick("readonly", "ro") === "true" || pick("readonly", "ro") === "1";
  switch (fields.get("type") ?? "volume") {
    case "bind": {
      if (source === undefined) throw new UsageError(`invalid mount: ${JSON.stringify(text)} names no source`);
      const propagation = pick("bind-propagation");
      return {
        kind: "bind",
        source: resolve(source),
        target: absolute(target, text),
        readOnly,
        ...(propagation !== undefined && { propagation }),
        ...(pick("idmap") === "true" && { idmap: true }),
      };
    }
    case "volume":
      return {
        kind: "volume",
        target: absolute(target, text),
        readOnly,
        noCopy: pick("volume-nocopy") === "true",
        ...(source !== undefined && { name: source }),
      };
    case "tmpfs":
      return tmpfs(absolute(target, text), pick("tmpfs-size"), pick("tmpfs-mode"));
    default:
      throw new UsageError(`invalid mount type: ${JSON.stringify(fields.get("type"))}`);
  }
}

/** `TARGET[:size=64m,mode=1777]`. @throws {UsageError} */
export function parseTmpfsFlag(text: string): MountRequest {
  const [target = "", options = ""] = text.split(":", 2);
  const fields = new Map(options.split(",").map((field) => [field.split("=", 1)[0] ?? "", field.slice(field.indexOf("=") + 1)]));
  return tmpfs(absolute(target, text), fields.get("size"), fields.get("mode"));
}

function tmpfs(target: string, size: string | undefined, mode: string | undefined): MountRequest {
  return { kind: "tmpfs", target, ...(size !== undefined && { size: parseBytes(size) }), ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }) };
}

function absolute(target: string, text: string): string {
  if (!target.startsWith("/")) throw new UsageError(`invalid mount path: ${JSON.stringify(text)}: the path in the container must be absolute`);
  return target;
}
