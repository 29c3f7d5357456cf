/** Tags, catalog and referrers. Spec: distribution-spec v1.1, "Listing Tags", "Listing Referrers". */
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import type { Grant } from "./access.ts";
import { keyPage, nextLink, page, readPageRequest, type Page } from "./paging.ts";
import { readDigest, type Call, type Parts } from "./parts.ts";
import type { Request } from "../../http/message.ts";

/** Referrers in one reply: descriptors with annotations must stay within what clients accept as a manifest. */
const MAX_REFERRERS = 500;
const MAX_REFERRERS_BYTES = 3 << 20;
/** Read at once from the storage. */
const BATCH = 200;

export async function listTags({ repositories, mirror }: Parts, { request, name }: Call): Promise<Reply> {
  const wanted = readPageRequest(request.query);
  const there = await mirror?.tags(name);
  if (there === undefined && !(await repositories.exists(name)))
    throw new RegistryError("NAME_UNKNOWN", `Cannot list tags of ${name}: no such repository`, { detail: { name } });
  const { items, next } = page(there ?? (await repositories.tags(name, keyPage(wanted))), (tag) => tag, wanted);
  return json(200, { name, tags: items }, nextLink(request.path, request.query, next));
}

/** Only what the caller may pull; a token for the catalog names none of them. */
export async function listCatalog({ repositories }: Parts, { request, grant }: { readonly request: Request; readonly grant: Grant }): Promise<Reply> {
  const readable = (await repositories.names()).filter((name) => {
    const permission = { kind: "repository", name, action: "pull" } as const;
    return grant.allows(permission) || grant.couldAllow?.(permission) === true;
  });
  const { items, next } = page(readable, (name) => name, readPageRequest(request.query));
  return json(200, { repositories: items }, nextLink(request.path, request.query, next));
}

/** An unknown subject has no referrers: that is an answer, not an error. */
export async function listReferrers({ repositories }: Parts, { request, name }: Call): Promise<Reply> {
  const subject = readDigest(request.params["digest"], "DIGEST_INVALID");
  const type = request.query.get("artifactType");
  const { last, count = MAX_REFERRERS } = readPageRequest(request.query);
  const read = async (after: string | undefined): Promise<readonly Descriptor[]> => await repositories.referrers(name, subject, { after, limit: BATCH });
  const { items, next } = await fillPage(
    read,
    { last, count: Math.min(count, MAX_REFERRERS) },
    (descriptor) => type === null || descriptor.artifactType === type,
  );
  const filtered = type === null ? {} : { "oci-filters-applied": "artifactType" };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: items };
  return json(200, index, { "content-type": MEDIA_TYPE.index, ...filtered, ...nextLink(request.path, request.query, next) });
}

/** As many as one reply holds, one at least: their annotations may be long. Never more than a batch of the others is in memory. */
async function fillPage(
  read: (after: string | undefined) => Promise<readonly Descriptor[]>,
  { last, count }: { readonly last: string | undefined; readonly count: number },
  isWanted: (descriptor: Descriptor) => boolean,
): Promise<Page<Descriptor>> {
  const items: Descriptor[] = [];
  if (count === 0) return { items, next: undefined };
  let bytes = 0;
  for (let after = last; ;) {
    const batch = await read(after);
    const fresh = page(batch, ({ digest }) => digest, { last: after, count: undefined }).items; // a page may begin a little earlier
    if (fresh.length === 0) return { items, next: undefined };
    for (const descriptor of fresh) {
      after = descriptor.digest;
      if (!isWanted(descriptor)) continue;
      bytes += JSON.stringify(descriptor).length;
      if (items.length === count || (bytes > MAX_REFERRERS_BYTES && items.length > 0)) return { items, next: items.at(-1)?.digest };
      items.push(descriptor);
    }
  }
}
