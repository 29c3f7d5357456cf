/** What a build is given to work with: the store, and lazily whoever runs, pulls and opens caches for it. */
import type { Collaborators } from "../../builder/request.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { authoritiesOf } from "./authorities.ts";

export function collaborators(context: Context, store: Store, scratch: string, onEvent: Collaborators["onEvent"]): Collaborators {
  return {
    store,
    treeTool: context.programs.tree,
    scratch,
    signal: context.signal,
    onEvent,
    authorities: authoritiesOf(context),
    async executor() {
      const [{ buildExecutor }, processes] = await Promise.all([import("../build-executor.ts"), context.processes()]);
      return buildExecutor(processes);
    },
    async cacheStorage(place) {
      const { cacheStorage } = await import("./cache-storage.ts");
      return await cacheStorage(context)(place);
    },
    puller: {
      async pull(reference, { platform, refresh, onStatus = () => undefined }) {
        const [{ pullImage }, { transferStatus }] = await Promise.all([import("../pull-image.ts"), import("./transfer-status.ts")]);
        return (await pullImage(context, reference, { platform, refresh, onTransfer: transferStatus(onStatus) })).target;
      },
    },
  };
}
