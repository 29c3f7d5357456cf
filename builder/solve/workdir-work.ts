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
      const [{ LayerPlan }, { resolveAccount }] = await Promise.all([import("../copy/layer-plan.ts"), import("../copy/owner.ts")]);
      const below = await store.snapshots.view(parent);
      const path = action.path.replace(/^\/+/, "");
      const isThere = (await below.lookup(path))?.type === "directory";
      const { uid, gid } = await resolveAccount(action.user, below);
      const plan = new LayerPlan({ below, owner: { uid, gid }, epoch: scope.epoch });
      if (!isThere) await plan.folder(path);
      return (await store.snapshots.write(parent, isThere ? [] : plan.entries())).chainID;
    },
  };
}
