/**
 * A pushed manifest is linked and tagged so that a collection at the same moment takes nothing of it, however short its grace:
 * one that begins after the tags sees them; one that began before spares what became young since, and what it took before that
 * is found missing here and put back.
 */
import type { Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import { inBatches } from "./in-batches.ts";
import type { BlobNeed } from "./manifest.ts";
import type { Parts } from "./parts.ts";

export interface Pushed {
  readonly descriptor: Descriptor;
  readonly subject: Digest | undefined;
  readonly tags: readonly string[];
  /** Each once. */
  readonly blobs: readonly BlobNeed[];
  /** Of an index, each once; they may be missing. */
  readonly manifests: readonly Digest[];
}

/** Blobs whose content is gone meanwhile; the manifest is not there then. */
export async function holdManifest(parts: Parts, name: string, pushed: Pushed): Promise<readonly Digest[]> {
  const { repositories, linkManifest } = parts;
  const { digest } = pushed.descriptor;
  const wasThere = (await repositories.manifest(name, digest)) !== undefined;
  for (;;) {
    await linkManifest(name, pushed.descriptor, pushed.subject);
    for (const tag of pushed.tags) await repositories.setTag(name, tag, digest);
    if (!(await repositories.renewManifest(name, digest))) continue; // taken between the two
    const lost = await renewAll(parts, name, pushed);
    if (lost.length > 0 && !wasThere) await repositories.unlinkManifest(name, digest);
    return lost;
  }
}

async function renewAll({ repositories, linkBlob, blobs }: Parts, name: string, { blobs: needs, manifests }: Pushed): Promise<readonly Digest[]> {
  const lost: Digest[] = [];
  const renew = async ({ digest, size }: BlobNeed): Promise<void> => {
    if (await repositories.renewBlob(name, digest)) return;
    await linkBlob(name, digest, size);
    if (await blobs.has({ digest, size, mediaType: "" })) return;
    await repositories.unlinkBlob(name, digest);
    lost.push(digest);
  };
  await inBatches(needs, renew);
  await inBatches(manifests, async (child) => await repositories.renewManifest(name, child));
  return lost;
}
