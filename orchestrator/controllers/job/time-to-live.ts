/** Deletes finished Jobs, pods first, `ttlSecondsAfterFinished` after their end. Spec: Kubernetes documentation, "Automatic Cleanup for Finished Jobs". */
import type { KubeObject } from "../../cluster.ts";
import { parseTime } from "../clock.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Collaborators } from "../collaborators.ts";
import { finishOf, specOf } from "./job-spec.ts";
import { JOBS } from "./reconcile.ts";

export function jobTimeToLive({ cluster, clock }: Pick<Collaborators, "cluster" | "clock">): Controller {
  return {
    name: "job-time-to-live",
    watches: { [JOBS]: ({ type, object }) => (type === "DELETED" ? [] : [keyOf(object)]) },
    async reconcile(key) {
      const job = cluster.get(JOBS, key);
      const due = job && expiry(job);
      if (job === undefined || due === undefined) return {};
      if (due > clock.now()) return { requeueAfter: due - clock.now() };
      await cluster.delete(JOBS, key, { propagationPolicy: "Foreground", preconditions: { uid: job.metadata.uid } });
      return {};
    },
  };
}

/** Milliseconds since the epoch; undefined when it does not expire, or not yet. */
export function expiry(job: KubeObject): number | undefined {
  const { ttlSecondsAfterFinished } = specOf(job);
  const finish = finishOf(job);
  if (ttlSecondsAfterFinished === undefined || finish === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  return parseTime(finish.lastTransitionTime) + ttlSecondsAfterFinished * 1000;
}
