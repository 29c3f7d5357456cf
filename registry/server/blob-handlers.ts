/** Blobs: GET with ranges, HEAD, DELETE. Spec: distribution-spec v1.1, "Pulling blobs", "Deleting Blobs". */
import { entityTag, isPartOf, precondition } from "../../http/conditional.ts";
import type { Reply } from "../../http/message.ts";
import { fileBody, type FileBody } from "../../http/file-body.ts";
import { contentRange, parseRange, type ByteRange } from "../../http/range.ts";
import { empty } from "../../http/reply.ts";
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import type { Content } from "../storage.ts";
import { readDigest, type Call, type Parts, wantsLease } from "./parts.ts";

export async function getBlob(parts: Parts, call: Call): Promise<Reply> {
  const { request, name } = call;
  const { blobs, repositories } = parts;
  const digest = readDigest(request.params["digest"], "BLOB_UNKNOWN");
  const link = await repositories.blob(name, digest);
  const stored = link === undefined ? undefined : await blobs.stat(digest);
  if (stored === undefined) return await mirrored(parts, name, digest);
  if (wantsLease(call, link?.linkedAt ?? 0)) await repositories.renewBlob(name, digest);
  const headers = { "docker-content-digest": digest, etag: entityTag(digest), "cache-control": "max-age=31536000", "accept-ranges": "bytes" };
  if (precondition(request.method, request.headers, entityTag(digest)) === 304) return empty(304, headers);
  const typed = { ...headers, "content-type": "application/octet-stream" };
  const { size } = stored;
  const range = isPartOf(request.headers, entityTag(digest)) ? parseRange(request.headers.range, size) : undefined;
  if (range === "unsatisfiable") return empty(416, { "content-range": `bytes */${size}` });
  if (range === undefined) return { status: 200, headers: { ...typed, "content-length": size }, body: bodyOf(blobs, digest, { start: 0, end: size }) };
  const partial = { ...typed, "content-length": range.end - range.start, "content-range": contentRange(range, size) };
  return { status: 206, headers: partial, body: bodyOf(blobs, digest, range) };
}

function bodyOf(blobs: Content, digest: Digest, range: ByteRange): AsyncIterable<Uint8Array> | FileBody {
  const content = blobs.open(digest, range);
  return blobs.path === undefined ? content : fileBody({ path: blobs.path(digest), ...range }, content);
}

/** Whole, whatever range was asked for: it is being stored on its way. */
async function mirrored({ mirror }: Parts, name: string, digest: Digest): Promise<Reply> {
  const size = await mirror?.sizeOf(name, digest);
  if (mirror === undefined || size === undefined) throw unknownBlob(name, digest);
  const headers = { "docker-content-digest": digest, etag: entityTag(digest), "content-type": "application/octet-stream", "content-length": size };
  return { status: 200, headers, body: mirror.stream(name, digest, size) };
}

export async function deleteBlob({ repositories }: Parts, { request, name }: Call): Promise<Reply> {
  const digest = readDigest(request.params["digest"], "BLOB_UNKNOWN");
  if (!(await repositories.unlinkBlob(name, digest))) throw unknownBlob(name, digest);
  return empty(202);
}

function unknownBlob(name: string, digest: Digest): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", `Cannot find blob ${digest} in ${name}`, { detail: { digest } });
}
