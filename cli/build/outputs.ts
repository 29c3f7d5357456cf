/** --output: where the result goes besides the store. */
import { resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { readFields } from "./pairs.ts";

export type Output =
  | { readonly kind: "image"; readonly names: readonly string[]; readonly push: boolean }
  | { readonly kind: "archive"; readonly names: readonly string[]; readonly destination: string | undefined }
  | { readonly kind: "local"; readonly destination: string }
  | { readonly kind: "tar"; readonly destination: string | undefined };

/** @throws {UsageError} */
export function parseOutput(text: string): Output {
  if (text === "-") return { kind: "tar", destination: undefined };
  if (!text.includes("=")) return { kind: "local", destination: resolve(text) };
  const fields = readFields(text);
  const type = fields.get("type") ?? "";
  const known = ["type", "dest", ...(type === "image" || type === "registry" ? ["name", "push"] : type === "oci" || type === "docker" ? ["tar", "name"] : [])];
  for (const key of fields.keys()) if (!known.includes(key)) throw new UsageError(`Cannot use ${key} in --output ${text}: this builder does not have it yet`);
  const dest = fields.get("dest");
  const destination = dest === undefined || dest === "-" ? undefined : resolve(dest);
  switch (type) {
    case "image":
    case "registry":
      return { kind: "image", names: (fields.get("name") ?? "").split(",").filter(Boolean), push: type === "registry" || fields.get("push") === "true" };
    case "oci":
    case "docker":
      if (fields.get("tar") === "false") throw new UsageError(`Cannot use tar=false in --output ${text}: this builder does not have it yet`);
      return { kind: "archive", names: (fields.get("name") ?? "").split(",").filter(Boolean), destination };
    case "tar":
      return { kind: "tar", destination };
    case "local":
      if (destination === undefined) throw new UsageError("Cannot write --output type=local: it needs dest=FOLDER");
      return { kind: "local", destination };
    default:
      throw new UsageError(`Cannot use --output type=${type}: expected image, registry, oci, docker, local or tar`);
  }
}
