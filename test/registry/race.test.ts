/** A collection races pushes to two servers on one store, and the store's own collection beside it. */
import { utimesSync } from "node:fs";
import { test } from "vitest";
import { openStore } from "../../store/open.ts";
import { runStrata, serveStrata, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { race, RACE_SECONDS, rare } from "./race.ts";

/** They are in the store since long ago, and in no repository. */
async function keepForLong({ root }: TemporaryRoot): Promise<void> {
  await using store = await openStore({ root, treeTool });
  const longAgo = new Date(Date.now() - 7_200_000);
  for (const { bytes, descriptor } of rare) {
    await store.blobs.put(bytes);
    utimesSync(store.blobs.path(descriptor.digest), longAgo, longAgo);
  }
}

test(`for ${RACE_SECONDS} s nothing that was acknowledged is lost`, { timeout: RACE_SECONDS * 1_000 + 120_000 }, async () => {
  using root = temporaryRoot();
  await keepForLong(root);
  const serve = async (): Promise<Server> =>
    await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  await using one = await serve();
  await using two = await serve();
  await race({
    urls: [one, two].map(({ match }) => `http://${match[1]}`),
    pushers: 4,
    mayRefuse: false,
    collection: (round) => [
      ["registry", "gc", "--grace", String(round % 2), ...(round % 3 === 0 ? [] : ["--untagged"])],
      ["system", "prune", "--force"],
    ],
    strata: async (args) => await runStrata(root, args),
  });
});
