/** Tags of a repository that are wanted. There may be hundreds of thousands: other requests are answered in between. */
import { setImmediate as others } from "node:timers/promises";
import type { PageSource } from "./source.ts";

/** Read at once. */
const BATCH = 5_000;

/** Sorted bytewise. */
export async function findTags(
  { repositories }: Pick<PageSource, "repositories">,
  name: string,
  isWanted: (tag: string) => boolean,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after: string | undefined; ;) {
    const batch = (await repositories.tags(name, { after, limit: BATCH })).filter((tag) => after === undefined || tag > after); // a page may begin earlier
    for (const tag of batch) if (isWanted(tag)) found.push(tag);
    if (batch.length < BATCH) return found;
    after = batch.at(-1);
    await others();
  }
}
