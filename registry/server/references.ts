/** Everything that a stored manifest names: config, layers, manifests. */
import { isDigest, type Digest } from "../../store/digest.ts";

type Named = { readonly digest?: unknown };

export function referencesOf(bytes: Uint8Array): readonly Digest[] {
  const { config, layers, manifests, blobs } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Readonly<Record<string, unknown>>;
  const all = [config, ...list(layers), ...list(manifests), ...list(blobs)].map((item) => (item as Named | undefined)?.digest);
  return all.filter((digest): digest is Digest => typeof digest === "string" && isDigest(digest));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
