/** Manifests by tag and by digest. Spec: distribution-spec v1.1, "Pulling manifests", "Pushing Manifests", "Deleting". */
import { readBody } from "../../http/body.ts";
import { entityTag, precondition } from "../../http/conditional.ts";
import type { Reply } from "../../http/message.ts";
import { empty } from "../../http/reply.ts";
import { algorithmOf, digestOf, isDigest, type Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { isTag } from "../name.ts";
import { holdManifest } from "./hold-manifest.ts";
import { inBatches } from "./in-batches.ts";
import { MAX_MANIFEST_BYTES } from "./manifest-cache.ts";
import { lastUse } from "./repositories.ts";
import { readManifest, type BlobNeed, type PushedManifest } from "./manifest.ts";
import { namedOnce } from "./named.ts";
import { readDigest, type Call, type Parts, wantsLease } from "./parts.ts";

export async function getManifest({ repositories, manifests, mirror }: Parts, call: Call): Promise<Reply> {
  const { request, name } = call;
  const reference = request.params["reference"] ?? "";
  if (!isDigest(reference) && !isTag(reference)) throw unknownManifest(name, reference);
  await mirror?.bringManifest(name, reference);
  const digest = isDigest(reference) ? reference : await repositories.tag(name, reference);
  const link = digest === undefined ? undefined : await repositories.manifest(name, digest);
  if (digest === undefined || link === undefined) throw unknownManifest(name, reference);
  const headers = { "docker-content-digest": digest, etag: entityTag(digest), "content-type": link.mediaType };
  if (precondition(request.method, request.headers, entityTag(digest)) === 304) return empty(304, headers);
  if (isDigest(reference) && wantsLease(call, lastUse(link))) await repositories.renewManifest(name, digest);
  return { status: 200, headers: { ...headers, "content-length": link.size }, body: await manifests.read(digest) };
}

export async function putManifest(parts: Parts, { request, name }: Call): Promise<Reply> {
  const reference = request.params["reference"] ?? "";
  const target = readTarget(reference, request.query.getAll("tag"));
  const bytes = await readBody(request, MAX_MANIFEST_BYTES);
  const digest = digestOf(bytes, target.digest === undefined ? "sha256" : algorithmOf(target.digest));
  if (target.digest !== undefined && target.digest !== digest)
    throw new RegistryError("DIGEST_INVALID", `Cannot store the manifest as ${target.digest}: it is ${digest}`);
  const manifest = readManifest(bytes, request.headers["content-type"]);
  const named = namedOnce(manifest);
  await requireBlobs(parts, name, named.blobs);
  using claim = parts.claimRoom(name);
  if ((await parts.repositories.manifest(name, digest)) === undefined) await claim.reach(bytes.length);
  claim.becomes(digest);
  await parts.blobs.put(bytes, algorithmOf(digest));
  const descriptor = describe(manifest, digest, bytes.length);
  refuseMissing(name, await holdManifest(parts, name, { ...manifest, ...named, descriptor, tags: target.tags }));
  return empty(201, {
    location: `/v2/${name}/manifests/${reference}`,
    "docker-content-digest": digest,
    ...(manifest.subject === undefined ? {} : { "oci-subject": manifest.subject }),
    ...(target.digest === undefined || target.tags.length === 0 ? {} : { "oci-tag": target.tags }),
  });
}

/** A tag only loses its name; a digest takes its tags with it. */
export async function deleteManifest({ repositories }: Parts, { request, name }: Call): Promise<Reply> {
  const reference = request.params["reference"] ?? "";
  const there = isDigest(reference) ? await repositories.unlinkManifest(name, reference) : isTag(reference) && (await repositories.removeTag(name, reference));
  if (!there) throw unknownManifest(name, reference);
  return empty(202);
}

interface Target {
  readonly digest: Digest | undefined;
  readonly tags: readonly string[];
}

function readTarget(reference: string, extraTags: readonly string[]): Target {
  const byDigest = reference.includes(":");
  const tags = byDigest ? extraTags : [reference];
  const bad = tags.find((tag) => !isTag(tag));
  if (bad !== undefined) throw new RegistryError("TAG_INVALID", `Cannot tag the manifest ${JSON.stringify(bad)}: not a tag`);
  return { digest: byDigest ? readDigest(reference, "DIGEST_INVALID") : undefined, tags };
}

/** A manifest of 4 MiB can lack tens of thousands. */
const MOST_NAMED = 100;

/** Every blob is in this repository, or its content came inside the manifest. `needs` has each once. */
async function requireBlobs({ blobs, repositories, claimRoom, linkBlob }: Parts, name: string, needs: readonly BlobNeed[]): Promise<void> {
  const missing = new Set<Digest>();
  await inBatches(needs, async ({ digest, size, data }) => {
    const link = await repositories.blob(name, digest);
    const isHere = link !== undefined && (await blobs.has({ digest, size: link.size, mediaType: "" }));
    const isInside = !isHere && data !== undefined && digestOf(data, algorithmOf(digest)) === digest;
    const found = isHere ? link.size : isInside ? data.length : undefined;
    if (found === undefined) return void missing.add(digest);
    if (found !== size) throw new RegistryError("MANIFEST_INVALID", `Cannot store the manifest: ${digest} has ${found} bytes, and it says ${size}`);
    if (!isInside) return;
    using claim = claimRoom(name);
    if (link === undefined) await claim.reach(size);
    await blobs.put(data, algorithmOf(digest));
    claim.becomes(digest);
    await linkBlob(name, digest, size);
  });
  refuseMissing(
    name,
    needs.map(({ digest }) => digest).filter((digest) => missing.has(digest)),
  );
}

function refuseMissing(name: string, missing: readonly Digest[]): void {
  if (missing.length === 0) return;
  throw new RegistryError("MANIFEST_BLOB_UNKNOWN", `Cannot store the manifest in ${name}: ${missing.slice(0, MOST_NAMED).join(", ")} is not there`, {
    detail: missing.slice(0, MOST_NAMED).map((digest) => ({ digest })),
  });
}

/** As it stands in lists of referrers. */
function describe({ mediaType, artifactType, annotations }: PushedManifest, digest: Digest, size: number): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function unknownManifest(name: string, reference: string): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", `Cannot find manifest ${reference} in ${name}`, { detail: { name, reference } });
}
