/** Looks for damage: links without content, content that is not what its name says, and whatever leads to nothing. */
import { createHash } from "node:crypto";
import { algorithmOf, finish, type Digest } from "../../store/digest.ts";
import type { Content } from "../storage.ts";
import { MAX_MANIFEST_BYTES } from "./manifest-cache.ts";
import { readManifest } from "./manifest.ts";
import type { Repositories } from "./repositories.ts";

export interface Damage {
  readonly repository: string;
  /** A digest or a tag. */
  readonly what: string;
  /** In words, with the digest that it is about. */
  readonly problem: string;
}

interface CheckOptions {
  /** Reads and hashes every blob, each once. */
  readonly deep: boolean;
}

export async function* check(repositories: Repositories, blobs: Content, { deep }: CheckOptions): AsyncGenerator<Damage> {
  const seen = new Map<Digest, string | undefined>();
  for (const repository of await repositories.names()) {
    const manifests = await repositories.manifests(repository);
    for (const [digest, { size }] of [...(await repositories.blobs(repository)), ...manifests]) {
      if (!seen.has(digest)) seen.set(digest, await examine(blobs, digest, size, deep));
      const problem = seen.get(digest);
      if (problem !== undefined) yield { repository, what: digest, problem };
    }
    for (const [digest, { mediaType }] of manifests)
      if (seen.get(digest) === undefined) yield* checkManifest(repositories, blobs, { repository, digest, mediaType });
    yield* checkNames(repositories, repository);
  }
}

interface Held {
  readonly repository: string;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** What is whole here may have lost what it needs. */
async function* checkManifest(repositories: Repositories, blobs: Content, { repository, digest, mediaType }: Held): AsyncGenerator<Damage> {
  let needs: readonly { readonly digest: Digest }[] = [];
  try {
    needs = readManifest(await blobs.read(digest, MAX_MANIFEST_BYTES), mediaType).blobs;
  } catch {
    yield { repository, what: digest, problem: "not a manifest that can be read" };
  }
  for (const need of needs)
    if ((await repositories.blob(repository, need.digest)) === undefined)
      yield { repository, what: digest, problem: `needs ${need.digest}, which is not linked here` };
}

async function* checkNames(repositories: Repositories, repository: string): AsyncGenerator<Damage> {
  for (const tag of await repositories.tags(repository)) {
    const digest = await repositories.tag(repository, tag);
    if (digest !== undefined && (await repositories.manifest(repository, digest)) === undefined)
      yield { repository, what: tag, problem: `tag of a missing manifest, ${digest}` };
  }
  for (const [subject, referrer] of await repositories.allReferrers(repository))
    if ((await repositories.manifest(repository, referrer)) === undefined)
      yield { repository, what: referrer, problem: `missing, but listed as a referrer of ${subject}` };
}

async function examine(blobs: Content, digest: Digest, size: number, deep: boolean): Promise<string | undefined> {
  const stored = await blobs.stat(digest);
  if (stored === undefined) return "missing";
  if (stored.size !== size) return `wrong size: ${stored.size} bytes where ${size} were stored`;
  if (!deep) return undefined;
  const hash = createHash(algorithmOf(digest));
  for await (const chunk of blobs.open(digest)) hash.update(chunk);
  const found = finish(hash, algorithmOf(digest));
  return found === digest ? undefined : `wrong content: its digest is ${found}`;
}
