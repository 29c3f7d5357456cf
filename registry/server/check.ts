/** Looks for damage: links without content, tags without manifests, content that is not what its name says. */
import { algorithmOf, finish, type Digest } from "../../store/digest.ts";
import { createHash } from "node:crypto";
import type { Repositories } from "./repositories.ts";
import type { Content } from "../storage.ts";

export interface Damage {
  readonly repository: string;
  /** A digest or a tag. */
  readonly what: string;
  readonly problem: "missing" | "wrong size" | "wrong content" | "tag of a missing manifest";
}

/** `deep` reads and hashes every blob, each once. */
export async function* check(repositories: Repositories, blobs: Content, { deep }: { readonly deep: boolean }): AsyncGenerator<Damage> {
  const seen = new Map<Digest, Damage["problem"] | undefined>();
  for (const repository of await repositories.names()) {
    const links = [...(await repositories.blobs(repository)), ...(await repositories.manifests(repository))];
    for (const [digest, { size }] of links) {
      if (!seen.has(digest)) seen.set(digest, await examine(blobs, digest, size, deep));
      const problem = seen.get(digest);
      if (problem !== undefined) yield { repository, what: digest, problem };
    }
    for (const tag of await repositories.tags(repository)) {
      const digest = await repositories.tag(repository, tag);
      if (digest !== undefined && (await repositories.manifest(repository, digest)) === undefined)
        yield { repository, what: tag, problem: "tag of a missing manifest" };
    }
  }
}

async function examine(blobs: Content, digest: Digest, size: number, deep: boolean): Promise<Damage["problem"] | undefined> {
  const stored = await blobs.stat(digest);
  if (stored === undefined) return "missing";
  if (stored.size !== size) return "wrong size";
  if (!deep) return undefined;
  const hash = createHash(algorithmOf(digest));
  for await (const chunk of blobs.open(digest)) hash.update(chunk);
  return finish(hash, algorithmOf(digest)) === digest ? undefined : "wrong content";
}
