/** A file of an artifact as a download: what a client pushed is never shown as a page of ours. */
import type { Reply } from "../../../http/message.ts";
import { mediaTypeOf } from "../../../http/media-type.ts";
import { RegistryError } from "../../errors.ts";
import { FILE_POLICY } from "./layout.ts";
import { readManifest } from "./read-image.ts";
import type { PageSource, Visit } from "./source.ts";

const TITLE = "org.opencontainers.image.title";

export async function sendFile(source: PageSource, { request: { query }, name, reference }: Visit): Promise<Reply> {
  const { layers } = await readManifest(source, name, reference);
  const [title, digest] = [query.get("title"), query.get("digest")];
  const layer = layers.find((one) => (title === null ? one.digest === digest : one.annotations?.[TITLE] === title));
  const stored = layer === undefined ? undefined : await source.repositories.blob(name, layer.digest);
  if (layer === undefined || stored === undefined)
    throw new RegistryError("BLOB_UNKNOWN", `Cannot find ${title ?? digest ?? "a file without a name"} in ${name}`);
  const saved = layer.annotations?.[TITLE] ?? "";
  const headers = {
    "content-type": await mediaTypeOf(saved),
    "content-length": stored.size,
    "content-disposition": dispositionFor(saved),
    "content-security-policy": FILE_POLICY,
  };
  return { status: 200, headers, body: source.blobs.open(layer.digest) };
}

/** The last part of the name, and only what is safe in a file's name. Spec: RFC 6266. */
function dispositionFor(title: string): string {
  const name = title
    .slice(title.lastIndexOf("/") + 1)
    .replaceAll(/[^\w.+-]/g, "_")
    .replace(/^\.+/, "");
  return name === "" ? "attachment" : `attachment; filename="${name.slice(0, 128)}"`;
}
