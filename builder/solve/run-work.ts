/** RUN: its key, with the content of what its mounts show. */
import { hostPlatform, matches } from "../../store/image/platform.ts";
import type { ChainID } from "../../store/store.ts";
import { shownBy, type RunAction } from "../plan/graph.ts";
import { runParts } from "./key.ts";
import type { SolveScope, Work } from "./scope.ts";

export async function runWork(action: RunAction, parent: ChainID | undefined, scope: SolveScope): Promise<Work> {
  const shown = action.mounts.length === 0 ? [] : await mountedContents(action, scope);
  const network = action.network === "default" ? scope.request.network : action.network;
  const contents = shown.map((content) => content?.digest ?? "");
  return {
    full: async () => runParts(action, network, contents, { parent, epoch: scope.epoch, platform: scope.platform }),
    async make(making) {
      making.explain({ before: undefined, now: undefined });
      if (!matches(scope.programs, hostPlatform())) await (await import("../foreign/emulation.ts")).requireEmulation(action, scope);
      const { runStep } = await import("./run-step.ts"); // not needed while the cache answers
      return await runStep({ action, network, shown: shown.map((content) => content?.chain), parent }, making, scope);
    },
  };
}

async function mountedContents(action: RunAction, scope: SolveScope): Promise<readonly ({ readonly digest: string; readonly chain: ChainID } | undefined)[]> {
  const { mountedContent } = await import("./run-mounts.ts");
  return await Promise.all(
    action.mounts.map(async (mount) => {
      const shown = shownBy(mount);
      return shown === undefined ? undefined : await mountedContent(shown, scope);
    }),
  );
}
