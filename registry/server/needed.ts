/** What the manifests of a repository need, directly and through others. */
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import { MAX_MANIFEST_BYTES } from "./manifest-cache.ts";
import { referencesOf } from "./references.ts";
import type { ManifestLink, Repositories } from "./repositories.ts";

/** Where manifests are read, of which none is longer than `limit` bytes. */
export interface ManifestSource {
  read(digest: Digest, limit: number): Promise<Uint8Array>;
}

export interface Manifests {
  readonly manifests: ReadonlyMap<Digest, Pick<ManifestLink, "subject">>;
  /** Those that are needed whatever refers to them. @default all of them */
  readonly roots?: Iterable<Digest>;
}

/**
 * Blobs and manifests, whether they are there or not.
 * @throws {RegistryError} `MANIFEST_UNKNOWN`: what a manifest needs cannot be told, so nothing of the repository may go
 */
export async function neededIn(
  repositories: Pick<Repositories, "manifest">,
  blobs: ManifestSource,
  name: string,
  { manifests, roots }: Manifests,
): Promise<ReadonlySet<Digest>> {
  const references = new Map<Digest, readonly Digest[]>();
  for (const digest of manifests.keys()) references.set(digest, await readReferences(repositories, blobs, name, digest));
  return mark(roots ?? manifests.keys(), references, manifests);
}

async function readReferences(repositories: Pick<Repositories, "manifest">, blobs: ManifestSource, name: string, digest: Digest): Promise<readonly Digest[]> {
  try {
    return referencesOf(await blobs.read(digest, MAX_MANIFEST_BYTES));
  } catch (cause) {
    if ((await repositories.manifest(name, digest)) === undefined) return []; // deleted meanwhile
    throw new RegistryError("MANIFEST_UNKNOWN", `Cannot collect ${name}: its manifest ${digest} cannot be read`, {
      cause,
      hint: "strata registry check --deep tells what is damaged; push it again, or delete it",
    });
  }
}

/** Everything that `roots` lead to; what refers to something needed (its subject) is needed too. */
function mark(
  roots: Iterable<Digest>,
  references: ReadonlyMap<Digest, readonly Digest[]>,
  manifests: ReadonlyMap<Digest, { readonly subject?: Digest }>,
): ReadonlySet<Digest> {
  const needed = new Set<Digest>();
  const referrers = bySubject(manifests);
  const queue = [...roots];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (needed.has(digest)) continue;
    needed.add(digest);
    for (const next of references.get(digest) ?? []) queue.push(next);
    for (const referrer of referrers.get(digest) ?? []) queue.push(referrer);
  }
  return needed;
}

function bySubject(manifests: ReadonlyMap<Digest, { readonly subject?: Digest }>): ReadonlyMap<Digest, readonly Digest[]> {
  const referrers = new Map<Digest, Digest[]>();
  for (const [referrer, { subject }] of manifests) {
    if (subject === undefined) continue;
    const known = referrers.get(subject);
    if (known === undefined) referrers.set(subject, [referrer]);
    else known.push(referrer);
  }
  return referrers;
}
