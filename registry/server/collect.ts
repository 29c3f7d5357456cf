/**
 * Lets go of what no manifest of a repository needs. The bytes go when nothing else in the store holds them. Safe beside a
 * running server: a push makes young what it relies on, and only what is old is let go of, in one transaction with the look.
 */
import type { Digest } from "../../store/digest.ts";
import { neededIn } from "./needed.ts";
import { lastUse, type Repositories } from "./repositories.ts";
import type { Content } from "../storage.ts";

export interface CollectOptions {
  /** Milliseconds: younger links may belong to a push under way. */
  readonly graceMs: number;
  /** Manifests too that no tag, index or subject leads to. */
  readonly untagged: boolean;
  readonly dryRun: boolean;
  readonly now: number;
}

interface Link {
  readonly kind: "blob" | "manifest";
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A repository that holds nothing any more is dropped too. */
export type Dropped = Link | { readonly kind: "repository"; readonly repository: string; readonly size: 0 };

export async function* collect(repositories: Repositories, blobs: Content, options: CollectOptions): AsyncGenerator<Dropped> {
  const before = options.now - options.graceMs;
  const release = async ({ repository, kind, digest }: Link): Promise<boolean> =>
    await (kind === "blob" ? repositories.releaseBlob(repository, digest, before) : repositories.releaseManifest(repository, digest, before));
  for (const name of await repositories.names()) {
    for (const dropped of await planRepository(repositories, blobs, name, options)) {
      if (options.dryRun || (await release(dropped))) yield dropped;
    }
    if (!options.dryRun && (await repositories.leave(name, before))) yield { kind: "repository", repository: name, size: 0 };
  }
}

async function planRepository(repositories: Repositories, blobs: Content, name: string, { graceMs, untagged, now }: CollectOptions): Promise<readonly Link[]> {
  const isOld = (at: number): boolean => at < now - graceMs;
  const manifests = new Map(await repositories.manifests(name));
  const needed = await neededIn(repositories, blobs, name, { manifests, ...(untagged ? { roots: await tagged(repositories, name) } : {}) });
  const unused = [...manifests].filter(([digest, link]) => !needed.has(digest) && isOld(lastUse(link)));
  const loose = (await repositories.blobs(name)).filter(([digest, { linkedAt }]) => !needed.has(digest) && isOld(linkedAt));
  return [
    ...unused.map(([digest, { size }]) => ({ repository: name, digest, size, kind: "manifest" as const })),
    ...loose.map(([digest, { size }]) => ({ repository: name, digest, size, kind: "blob" as const })),
  ];
}

async function tagged(repositories: Repositories, name: string): Promise<readonly Digest[]> {
  const digests = await Promise.all((await repositories.tags(name)).map(async (tag) => await repositories.tag(name, tag)));
  return digests.filter((digest) => digest !== undefined);
}
