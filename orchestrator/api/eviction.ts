/** POST of pods/eviction: a deletion that budgets may refuse. Spec: "API-initiated Eviction". */
import type { DeleteOptions, KubeObject } from "../cluster.ts";
import { parseTime } from "../controllers/clock.ts";
import { disruptionTarget } from "../controllers/disruption/target.ts";
import { isBeyondBudgets, spend, type Spending } from "../controllers/disruption/spend.ts";
import { ApiError, success } from "../errors.ts";
import { keyOf } from "../log/state.ts";
import { remove } from "../objects/remove.ts";
import type { WriteRequest } from "../objects/request.ts";
import { matchesSelector } from "../schema/selector.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { readObject } from "./body.ts";
import { write, type Call } from "./call.ts";

const BUDGETS = "poddisruptionbudgets.policy";

export async function evict(call: Call): Promise<Reply> {
  const { value } = await readObject(call.request);
  const options = (value as { readonly deleteOptions?: DeleteOptions & { readonly dryRun?: readonly string[] } } | undefined)?.deleteOptions ?? {};
  await write(call, (context) => {
    const dryRun = context.writer.dryRun || (options.dryRun ?? []).includes("All");
    const request = { ...context, writer: { ...context.writer, dryRun } };
    const pod = context.transaction.get({ resource: "pods", namespace: context.namespace, name: context.name });
    if (pod !== undefined && !isBeyondBudgets(pod)) spendBudget(request, pod);
    const { object, gone } = remove(request, options);
    if (!gone && !dryRun)
      context.transaction.put(keyOf("pods", object), disruptionTarget(object, "EvictionByEvictionAPI", "Eviction API: evicting", context.now));
  });
  return json(201, success(undefined, 201));
}

/** @throws {ApiError} `TooManyRequests` when the budget has nothing left, `InternalError` when the pod has several */
function spendBudget({ transaction, namespace, writer, now }: WriteRequest, pod: KubeObject): void {
  const budgets = transaction.list(BUDGETS, namespace).filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels));
  const [budget] = budgets;
  if (budget === undefined) return;
  if (budgets.length > 1)
    throw new ApiError("InternalError", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
  const spending = spend(budget, pod, parseTime(now));
  if (spending.kind === "refused") throw refused(spending);
  if (spending.kind === "spent" && !writer.dryRun) transaction.put(keyOf(BUDGETS, budget), spending.budget);
}

/** Clients wait by themselves when the budget is spent: told to try again after a while, they would do so within one request, unseen by the user. */
function refused({ cause, retryAfterSeconds }: Extract<Spending, { kind: "refused" }>): ApiError {
  return new ApiError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message: cause }],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
