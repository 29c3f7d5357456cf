/** Tags, catalog and referrers. Spec: distribution-spec v1.1, "Listing Tags", "Listing Referrers". */
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import type { Grant } from "./access.ts";
import { keyPage, nextLink, page, readPageRequest } from "./paging.ts";
import { readDigest, type Call, type Parts } from "./parts.ts";
import type { Request } from "../../http/message.ts";

/** Referrers in one reply: descriptors with annotations must stay within what clients accept as a manifest. */
const MAX_REFERRERS = 500;
const MAX_REFERRERS_BYTES = 3 << 20;

export async function listTags({ repositories, mirror }: Parts, { request, name }: Call): Promise<Reply> {
  const wanted = readPageRequest(request.query);
  const there = await mirror?.tags(name);
  if (there === undefined && !(await repositories.exists(name)))
    throw new RegistryError("NAME_UNKNOWN", `Cannot list tags of ${name}: no such repository`, { detail: { name } });
  const { items, next } = page(there ?? (await repositories.tags(name, keyPage(wanted))), (tag) => tag, wanted);
  return json(200, { name, tags: items }, nextLink(request.path, request.query, next));
}

/** Only what the caller may pull. */
export async function listCatalog({ repositories }: Parts, { request, grant }: { readonly request: Request; readonly grant: Grant }): Promise<Reply> {
  const readable = (await repositories.names()).filter((name) => grant.allows({ kind: "repository", name, action: "pull" }));
  const { items, next } = page(readable, (name) => name, readPageRequest(request.query));
  return json(200, { repositories: items }, nextLink(request.path, request.query, next));
}

/** An unknown subject has no referrers: that is an answer, not an error. */
export async function listReferrers({ repositories }: Parts, { request, name }: Call): Promise<Reply> {
  const subject = readDigest(request.params["digest"], "DIGEST_INVALID");
  const type = request.query.get("artifactType");
  const found = (await repositories.referrers(name, subject)).filter((descriptor) => type === null || descriptor.artifactType === type);
  const { last, count = MAX_REFERRERS } = readPageRequest(request.query);
  const wanted = page(found, ({ digest }) => digest, { last, count: Math.min(count, MAX_REFERRERS) });
  const items = withinBytes(wanted.items);
  const next = items.length < wanted.items.length ? items.at(-1)?.digest : wanted.next;
  const filtered = type === null ? {} : { "oci-filters-applied": "artifactType" };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: items };
  return json(200, index, { "content-type": MEDIA_TYPE.index, ...filtered, ...nextLink(request.path, request.query, next) });
}

/** Those that one reply holds, one at least: their annotations may be long. */
function withinBytes(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  let bytes = 0;
  const end = descriptors.findIndex((descriptor, index) => (bytes += JSON.stringify(descriptor).length) > MAX_REFERRERS_BYTES && index > 0);
  return end < 0 ? descriptors : descriptors.slice(0, end);
}
