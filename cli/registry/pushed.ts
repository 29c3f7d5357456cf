/** Under which digests an image is known to registries: what `inspect` shows as RepoDigests. */
import type { Digest } from "../../store/digest.ts";
import type { Store } from "../../store/store.ts";

const TABLE = "registry.pushed";

/** `name` is `host/path@digest`; idempotent. */
export async function rememberDigest(store: Pick<Store, "table">, image: Digest, name: string): Promise<void> {
  await store.table<readonly string[]>(TABLE).update(image, (known = []) => (known.includes(name) ? known : [...known, name].sort()));
}

export function repoDigests(store: Pick<Store, "table">, image: Digest): readonly string[] {
  return store.table<readonly string[]>(TABLE).get(image) ?? [];
}

/** Those that `isGone` takes, which are forgotten. */
export async function forgetDigests(store: Pick<Store, "table">, image: Digest, isGone: (name: string) => boolean): Promise<readonly string[]> {
  const known = repoDigests(store, image);
  const gone = known.filter(isGone);
  if (gone.length > 0) await store.table<readonly string[]>(TABLE).update(image, (now = []) => now.filter((name) => !gone.includes(name)));
  return gone;
}
