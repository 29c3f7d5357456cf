/** Keeps the status of each PodDisruptionBudget, which evictions spend from. The shell around `planBudget`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { matchesSelector } from "../../schema/selector.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../collaborators.ts";
import { ownerScale } from "./owner-scale.ts";
import { planBudget } from "./plan.ts";

const BUDGETS = "poddisruptionbudgets.policy";

export function disruptionController(room: Collaborators): Controller {
  return {
    name: "disruption",
    watches: {
      [BUDGETS]: ({ object }) => [keyOf(object)],
      pods: (event) => budgetsOf(room.cluster, event),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

/** Those that select the pod, or did. */
function budgetsOf(cluster: Cluster, { object, previous }: WatchEvent): readonly ObjectKey[] {
  const selects = ({ spec }: KubeObject): boolean => [object, previous].some((pod) => pod !== undefined && matchesSelector(spec.selector, pod.metadata.labels));
  return cluster.list(BUDGETS, object.metadata.namespace).filter(selects).map(keyOf);
}

async function reconcile(key: ObjectKey, { cluster, clock, recorder }: Collaborators): Promise<Outcome | void> {
  const budget = cluster.get(BUDGETS, key);
  if (budget === undefined) return;
  const pods = cluster.list("pods", key.namespace).filter((pod) => matchesSelector(budget.spec.selector, pod.metadata.labels));
  const view = { pods, scaleOf: (pod: KubeObject) => ownerScale(cluster, pod), now: clock.now() };
  const plan = planBudget({ ...view, budget });
  for (const { type, reason, message } of plan.notices) recorder.record(budget, type, reason, message);
  await cluster.modify(
    BUDGETS,
    key,
    (current) => {
      const { status } = planBudget({ ...view, budget: current }); // an eviction may have spent from it meanwhile
      return equal(status, current.status) ? current : { ...current, status };
    },
    { status: true },
  );
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}
