/** Uploads: whole, chunked, streamed, mounted. Spec: distribution-spec v1.1, "Pushing blobs", "Mounting a blob". */
import type { Reply, Request } from "../../http/message.ts";
import { empty } from "../../http/reply.ts";
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import { isProof, PROOF_HEADER } from "../identity.ts";
import { isRepositoryName } from "../name.ts";
import { boundedBlob } from "./limits.ts";
import { isSentAgain } from "./sent-again.ts";
import { blobPath, readDigest, type Call, type Parts } from "./parts.ts";
import { isFull } from "./refuse.ts";
import type { Upload } from "./uploads.ts";

export async function startUpload(parts: Parts, call: Call): Promise<Reply> {
  const { query } = call.request;
  if (query.has("digest")) return await storeWhole(parts, call, readDigest(query.get("digest"), "DIGEST_INVALID"));
  if (query.has("mount")) {
    const digest = readDigest(query.get("mount"), "DIGEST_INVALID");
    if (await mount(parts, call, digest)) return created(call.name, digest);
  }
  const session = await parts.uploads.create(call.name);
  return progress(202, call.name, session, 0);
}

export async function appendChunk(parts: Parts, { request, name }: Call): Promise<Reply> {
  const session = request.params["session"] ?? "";
  await using upload = await parts.uploads.open(name, session);
  checkChunk(request, upload.offset);
  await append(parts, request, upload);
  return progress(202, name, session, upload.offset);
}

export async function finishUpload(parts: Parts, { request, name }: Call): Promise<Reply> {
  const digest = readDigest(request.query.get("digest"), "DIGEST_INVALID");
  await using upload = await parts.uploads.open(name, request.params["session"] ?? "");
  checkChunk(request, upload.offset);
  const isHere = upload.offset === 0 && (await isSentAgain(parts, { request, name, digest }, upload.claim).catch(async (error) => await ended(upload, error)));
  if (!isHere) await append(parts, request, upload);
  if (isHere) await upload.abort();
  else
    await upload.commit(digest, async ({ size }) => {
      upload.claim.becomes(digest);
      await parts.linkBlob(name, digest, size);
    });
  return created(name, digest);
}

export async function showUpload({ uploads }: Parts, { request, name }: Call): Promise<Reply> {
  const session = request.params["session"] ?? "";
  return progress(204, name, session, await uploads.offset(name, session));
}

export async function cancelUpload({ uploads }: Parts, { request, name }: Call): Promise<Reply> {
  await using upload = await uploads.open(name, request.params["session"] ?? "");
  await upload.abort();
  return empty(204);
}

async function append({ maxBlobBytes }: Parts, request: Request, upload: Upload): Promise<void> {
  try {
    const body = boundedBlob(request, upload.offset, maxBlobBytes);
    await upload.claim.reach(upload.offset + Number(request.headers["content-length"] ?? 0));
    const { receive } = request;
    if (receive === undefined || upload.fill === undefined) await upload.write(upload.claim.within(body, upload.offset));
    else await upload.fill(receive);
  } catch (error) {
    await ended(upload, error);
  }
}

/** A blob that is too large ends its session: nobody can go on with it. So does a full disk, as others need the room. Storage that fails does not. */
async function ended(upload: Upload, error: unknown): Promise<never> {
  if (isFull(error) || (error instanceof RegistryError && error.code !== "STORAGE_FAILED")) await upload.abort();
  throw error;
}

async function storeWhole(parts: Parts, { request, name }: Call, digest: Digest): Promise<Reply> {
  const { blobs, claimRoom, linkBlob, maxBlobBytes } = parts;
  const length = request.headers["content-length"];
  const body = boundedBlob(request, 0, maxBlobBytes);
  using claim = claimRoom(name);
  if (await isSentAgain(parts, { request, name, digest }, claim)) return created(name, digest);
  const { size } = await blobs.ingest(claim.within(body, 0), { digest, ...(length === undefined ? {} : { size: Number(length) }) });
  claim.becomes(digest);
  await linkBlob(name, digest, size);
  return created(name, digest);
}

/** True when the blob is in the repository now: from one the caller may read, or because the caller has the store's content anyway. */
async function mount({ blobs, repositories, linkBlob, identity }: Parts, { request, grant, name }: Call, digest: Digest): Promise<boolean> {
  const readable = (repository: string): boolean => grant.allows({ kind: "repository", name: repository, action: "pull" });
  const from = request.query.get("from");
  const proof = request.headers[PROOF_HEADER];
  const shared =
    (typeof proof === "string" && isProof(identity, "mount", digest, proof)) ||
    (from === null || from === ""
      ? (await repositories.holder(digest, readable)) !== undefined
      : isRepositoryName(from) && readable(from) && (await repositories.blob(from, digest)) !== undefined);
  const stored = shared ? await blobs.stat(digest) : undefined;
  if (stored === undefined) return false;
  await linkBlob(name, digest, stored.size);
  if (await blobs.has({ ...stored, mediaType: "" })) return true; // after the link: a collection sees that, or finds the blob young
  await repositories.unlinkBlob(name, digest);
  return false;
}

/** A chunk goes where the last one ended. */
function checkChunk({ headers }: Request, offset: number): void {
  const range = headers["content-range"];
  if (range === undefined) return;
  const match = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/.*)?$/.exec(range);
  if (match === null) throw new RegistryError("BLOB_UPLOAD_INVALID", `Cannot read ${JSON.stringify(range)} as the range of a chunk`);
  const [start, end] = [Number(match[1]), Number(match[2])];
  if (start !== offset) throw new RegistryError("RANGE_INVALID", `Cannot append a chunk that begins at ${start}: ${offset} bytes are here`);
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== end - start + 1) throw new RegistryError("SIZE_INVALID", `Cannot append ${length} bytes as ${range}`);
}

function progress(status: number, name: string, session: string, offset: number): Reply {
  const headers = { location: `/v2/${name}/blobs/uploads/${session}`, range: `0-${Math.max(offset - 1, 0)}`, "docker-upload-uuid": session };
  return empty(status, headers);
}

function created(name: string, digest: Digest): Reply {
  return empty(201, { location: blobPath(name, digest), "docker-content-digest": digest });
}
