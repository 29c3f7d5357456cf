/**
 * Referrers of a remote repository: by its referrers API, or, where the registry has none, by a tag that clients keep up.
 * Spec: distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema".
 */
import { algorithmOf, digestOf, encodedOf, isDigest, type Digest } from "../../store/digest.ts";
import { parseIndex } from "../../store/image/documents.ts";
import { referrerDescriptor } from "../../store/image/referrers.ts";
import { MEDIA_TYPE, type Descriptor, type ImageIndex, type Manifest } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { answerError } from "./answer-error.ts";
import type { Answer } from "./connection.ts";
import { pagesOf } from "./pages.ts";
import type { Remote } from "./remote.ts";
import type { Fetched } from "./remote-repository.ts";

export interface ManifestAccess {
  readonly read: (reference: string) => Promise<Fetched>;
  readonly put: (reference: string, manifest: Fetched) => Promise<void>;
}

/** @throws {RegistryError} */
export async function listReferrers(remote: Remote, name: string, subject: Digest, { read }: Pick<ManifestAccess, "read">): Promise<readonly Descriptor[]> {
  const found: (readonly Descriptor[])[] = [];
  const how = { path: `/v2/${name}/referrers/${subject}`, scopes: [`repository:${name}:pull`], headers: { accept: MEDIA_TYPE.index } };
  const refuse = async (answer: Answer, isFirst: boolean): Promise<never> => {
    const error = await answerError(answer, `list the referrers of ${subject} in ${name}`, "NAME_UNKNOWN");
    throw isFirst && answer.status >= 400 && answer.status < 500 ? new NoEndpoint(error.message) : error;
  };
  try {
    for await (const page of pagesOf(remote, { ...how, refuse })) found.push(parseIndex(page).manifests);
  } catch (error) {
    if (error instanceof NoEndpoint) return (await readTag({ read }, subject)).manifests;
    throw error;
  }
  return found.flat();
}

/** The registry has no referrers API. */
class NoEndpoint extends Error {}

/** The registry did not say that it took note of the subject: the tag has to tell of the referrer. */
export async function noteReferrer(access: ManifestAccess, { descriptor, bytes }: Fetched): Promise<void> {
  const manifest = JSON.parse(Buffer.from(bytes).toString("utf8")) as Manifest;
  const subject = manifest.subject?.digest;
  if (subject === undefined || !isDigest(subject)) return;
  const { manifests } = await readTag(access, subject);
  if (manifests.some(({ digest }) => digest === descriptor.digest)) return;
  const index: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...manifests, referrerDescriptor(descriptor, manifest)] };
  const content = Buffer.from(JSON.stringify(index));
  await access.put(tagOf(subject), { descriptor: { mediaType: MEDIA_TYPE.index, digest: digestOf(content), size: content.length }, bytes: content });
}

async function readTag({ read }: Pick<ManifestAccess, "read">, subject: Digest): Promise<Pick<ImageIndex, "manifests">> {
  try {
    return parseIndex((await read(tagOf(subject))).bytes);
  } catch (error) {
    if (error instanceof RegistryError && (error.code === "MANIFEST_UNKNOWN" || error.code === "NAME_UNKNOWN")) return { manifests: [] };
    throw error;
  }
}

/** At most 32 and 64 characters of the two parts. */
function tagOf(subject: Digest): string {
  return `${algorithmOf(subject).slice(0, 32)}-${encodedOf(subject).slice(0, 64)}`;
}
