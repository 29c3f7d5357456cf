/** What --build-context puts in place of a name: `alpine`, `alpine:latest` and `docker.io/library/alpine` are one, `NAME::linux/arm64` is for a platform alone. */
import { formatPlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { familiarName, parseReference } from "../../store/reference.ts";
import type { ContextSource } from "../request.ts";
import type { Origin } from "./graph.ts";

export type Contexts = ReadonlyMap<string, ContextSource>;

/** What stands for `name`, if anything does. */
export function contextOrigin(contexts: Contexts, name: string, platform: Platform): Origin | undefined {
  if (contexts.size === 0) return undefined;
  const usual = contextName(name);
  const found = [`${usual}::${formatPlatform(platform)}`, usual].find((key) => contexts.has(key));
  const source = found === undefined ? undefined : contexts.get(found);
  if (found === undefined || source === undefined) return undefined;
  if (source.kind !== "image") return { kind: "context", name: found };
  return source.reference === "scratch" ? { kind: "scratch" } : { kind: "image", reference: source.reference, platform };
}

/** The name as contexts are kept by. */
export function contextName(text: string): string {
  const [name = "", platform] = text.split("::");
  const suffix = platform === undefined ? "" : `::${platform}`;
  try {
    return familiarName(parseReference(name).name).replace(/:latest$/, "") + suffix;
  } catch {
    return name.toLowerCase() + suffix; // a stage may be named in ways that no image is
  }
}
