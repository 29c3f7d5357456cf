/** FROM of a named context that is a folder: its content on an empty image, as one layer. */
import { createHash } from "node:crypto";
import type { ChainID } from "../../store/store.ts";
import { LayerPlan } from "../copy/layer-plan.ts";
import { place } from "../copy/place.ts";
import type { Origin } from "../plan/graph.ts";
import { refuseChanged } from "./copy-settle.ts";
import { selectionDigest, selectionText } from "./key.ts";
import type { SolveScope } from "./scope.ts";

const ROOT = { uid: 0, gid: 0 };

export async function contextBase(origin: Extract<Origin, { kind: "context" }>, name: string, scope: SolveScope): Promise<ChainID> {
  const vertex = scope.progress.start(name);
  try {
    const tree = await scope.treeOf(origin);
    const sources = await tree.select("/", { exclude: [] });
    const digest = selectionDigest(selectionText(sources, await Promise.all(sources.map(async ({ entries }) => await tree.digests(entries)))));
    const key = createHash("sha256").update(`base\0${scope.epoch}\0${digest}`).digest("hex");
    const cached = scope.request.noCache ? undefined : await scope.cache.find(key);
    if (cached !== undefined) vertex.cached();
    const { snapshots } = scope.collaborators.store;
    const plan = new LayerPlan({ below: await snapshots.view(undefined), owner: ROOT, epoch: scope.epoch });
    if (cached === undefined) {
      const options = { destination: "/", owner: undefined, mode: undefined, parents: false, epoch: scope.epoch };
      await place(
        plan,
        sources.map((source) => ({ pattern: "/", source })),
        options,
      );
    }
    const { chainID } = cached ?? (await snapshots.write(undefined, plan.entries()));
    if (cached === undefined) {
      refuseChanged(sources.flatMap(({ entries }) => entries));
      await scope.cache.remember(`base ${key}`, { key, parts: { kind: "base" }, chain: chainID, quick: [], isMade: true, isLocal: true });
    }
    vertex.done();
    return chainID;
  } catch (error) {
    vertex.failed(error instanceof Error ? error.message : String(error), scope.signal.aborted);
    throw error;
  }
}
