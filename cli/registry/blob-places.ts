/** In which repositories blobs were seen: a push to another repository of the same registry mounts them from there. */
import { isDigest, type Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";

const TABLE = "registry.places";
/** The latest of a blob. */
const MAX_PLACES = 8;

/** `place` is `host/repository`; idempotent. */
export async function rememberPlaces(store: Pick<Store, "table">, blobs: readonly Descriptor[], place: string): Promise<void> {
  const table = store.table<readonly string[]>(TABLE);
  const unknown = blobs.filter(({ digest }) => table.get(digest)?.[0] !== place);
  await Promise.all(
    unknown.map(async ({ digest }) => await table.update(digest, (known = []) => [place, ...known.filter((other) => other !== place)].slice(0, MAX_PLACES))),
  );
}

/** Another repository of that host that has it. */
export function placeOf(store: Pick<Store, "table">, digest: Digest, host: string, repository: string): string | undefined {
  const known = store.table<readonly string[]>(TABLE).get(digest) ?? [];
  return known
    .filter((place) => place.startsWith(`${host}/`))
    .map((place) => place.slice(host.length + 1))
    .find((path) => path !== repository);
}

/** Forgets where blobs were seen that are not here any more: nothing is pushed from nothing. */
export async function prunePlaces(store: Pick<Store, "table" | "blobs">): Promise<void> {
  const table = store.table<readonly string[]>(TABLE);
  for (const digest of table.keys()) if (isDigest(digest) && (await store.blobs.stat(digest)) === undefined) await table.remove(digest);
}
