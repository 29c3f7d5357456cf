/** Events are news, not history: those an hour old are removed. */
import { hasReason, keyOf, type Controller } from "./controller.ts";
import { parseTime } from "./clock.ts";
import type { Collaborators } from "./collaborators.ts";

const KEEP_MS = 3_600_000;

export function eventExpiry({ cluster, clock }: Collaborators): Controller {
  return {
    name: "event-expiry",
    watches: { events: ({ type, object }) => (type === "ADDED" ? [keyOf(object)] : []) },
    async reconcile(key) {
      const event = cluster.get("events", key);
      if (event === undefined) return {};
      const due = parseTime(event["lastTimestamp"] ?? event.metadata.creationTimestamp) + KEEP_MS - clock.now();
      if (due > 0) return { requeueAfter: due };
      try {
        await cluster.delete("events", key, { preconditions: { resourceVersion: event.metadata.resourceVersion } });
      } catch (error) {
        if (!hasReason(error, "Conflict")) throw error;
      }
      return {};
    },
  };
}
