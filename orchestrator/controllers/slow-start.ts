/** Does something `count` times in batches of 1, 2, 4…, so that a failure that will repeat is met once and not a hundred times. */
export async function slowStart(count: number, once: () => Promise<void>): Promise<void> {
  for (let done = 0, batch = 1; done < count; done += batch, batch = Math.min(batch * 2, count - done)) {
    const results = await Promise.allSettled(Array.from({ length: batch }, async () => await once()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
