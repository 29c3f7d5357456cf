/** The entries of a layer's tar, in its order. Read here on our own, so that it says something about the tars that strata writes. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import type { Entry } from "./entry.ts";

export type LayerEntry = { readonly path: string } & ({ readonly kind: "entry"; readonly entry: Entry } | { readonly kind: "link"; readonly to: string });

const XATTR = "SCHILY.xattr.";

export async function readLayer(file: string, isGzip: boolean): Promise<readonly LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const tar = extract();
  const bytes = createReadStream(file);
  const plain = isGzip ? bytes.pipe(createGunzip()) : bytes;
  for (const stream of [bytes, plain]) stream.once("error", (error: Error) => tar.destroy(error));
  plain.pipe(tar);
  for await (const part of tar) {
    const hash = createHash("sha256");
    for await (const chunk of part) hash.update(chunk as Buffer);
    entries.push(entryOf(part.header, hash.digest("hex")));
  }
  return entries;
}

function entryOf(header: Header, digest: string): LayerEntry {
  const path = clean(header.name);
  if (header.type === "link") return { path, kind: "link", to: clean(header.linkname) };
  const { uid, gid } = header;
  const type = header.type === "contiguous-file" ? "file" : header.type;
  const size = type === "file" ? header.size : 0;
  return { path, kind: "entry", entry: { type, mode: header.mode & 0o7777, uid, gid, size, content: contentOf(header, digest), xattrs: xattrsOf(header) } };
}

function contentOf({ type, linkname, devmajor, devminor }: Header, digest: string): string {
  if (type === "file" || type === "contiguous-file") return digest;
  if (type === "symlink") return linkname;
  return type === "character-device" || type === "block-device" ? `${devmajor},${devminor}` : "";
}

/** tar-stream has decoded the values as UTF-8: bytes that are not are all one character here. */
function xattrsOf({ pax }: Header): readonly string[] {
  const names = Object.entries((pax ?? {}) as Readonly<Record<string, string>>).filter(([key]) => key.startsWith(XATTR));
  return names.map(([key, value]) => `${key.slice(XATTR.length)}=${Buffer.from(value).toString("base64")}`).toSorted();
}

/** Without `./`, leading or trailing slashes; the root is empty. */
function clean(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/");
}
