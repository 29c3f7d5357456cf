/** For descriptors that our caller left open: Node marks those that it opens, and the first few that it finds. Spec: close_range(2). */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

interface Addon {
  readonly closeOnExec: () => void;
}

/** From now on no program that we start gets a descriptor above 2 but those that it is given. Idempotent. */
export function closeOnExec(): void {
  const addon = createRequire(import.meta.url)(fileURLToPath(new URL("../../../build/Release/strata-lock.node", import.meta.url))) as Addon;
  addon.closeOnExec();
}
