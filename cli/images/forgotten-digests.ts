/** What an image that lost names was known by to registries, and is no more. */
import type { Digest } from "../../store/digest.ts";
import { parseReference, repositoryOf } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import { forgetDigests, repoDigests } from "../registry/pushed.ts";
import { idsByName } from "./ids-by-name.ts";

/** With the last name in a repository goes what it is known by there. */
export async function forgottenDigests(store: Store, id: Digest, untagged: readonly string[]): Promise<readonly string[]> {
  if (repoDigests(store, id).length === 0) return [];
  const left = new Set([...(await idsByName(store))].filter(([, other]) => other === id).map(([name]) => placeOf(name)));
  const gone = new Set(untagged.map(placeOf).filter((repository) => !left.has(repository)));
  return await forgetDigests(store, id, (name) => gone.has(placeOf(name)));
}

function placeOf(name: string): string {
  return repositoryOf(parseReference(name));
}
