/** For descriptors that our caller left open: Node marks those that it opens, and the first few that it finds. Spec: close_range(2). */
import { addon } from "./addon.ts";

/** From now on no program that we start gets a descriptor above 2 but those that it is given. Idempotent. */
export function closeOnExec(): void {
  addon().closeOnExec();
}
