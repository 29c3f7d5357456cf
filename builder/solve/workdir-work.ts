/** WORKDIR: makes the folder if it is not there, owned by USER. */
import type { ChainID } from "../../store/store.ts";
import type { WorkdirAction } from "../plan/graph.ts";
import { workdirParts } from "./key.ts";
import type { SolveScope, Work } from "./scope.ts";

export function workdirWork(action: WorkdirAction, parent: ChainID | undefined, scope: SolveScope): Work {
  const { store } = scope.collaborators;
  return {
    full: async () => workdirParts(action, { parent, epoch: scope.epoch, platform: scope.platform }),
    async make({ explain }) {
      explain({ before: undefined, now: undefined });
      const [{ LayerPlan }, { resolveOwner }] = await Promise.all([import("../copy/layer-plan.ts"), import("../copy/owner.ts")]);
      const below = await store.snapshots.view(parent);
      const path = action.path.replace(/^\/+/, "");
      const isThere = (await below.lookup(path))?.type === "directory";
      const owner = await resolveOwner(action.user, below, "root"); // only RUN needs USER to be known
      const plan = new LayerPlan({ below, owner, epoch: scope.epoch });
      if (!isThere) await plan.folder(path);
      return (await store.snapshots.write(parent, isThere ? [] : plan.entries())).chainID;
    },
  };
}
