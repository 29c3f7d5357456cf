/** POST of pods/eviction: a deletion that budgets may refuse. Spec: "API-initiated Eviction". */
import type { DeleteOptions, KubeObject } from "../cluster.ts";
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
const RETRY_SECONDS = 10;

export async function evict(call: Call): Promise<Reply> {
  const { value } = await readObject(call.request);
  const options = (value as { readonly deleteOptions?: DeleteOptions & { readonly dryRun?: readonly string[] } } | undefined)?.deleteOptions ?? {};
  await write(call, (context) => {
    const dryRun = context.writer.dryRun || (options.dryRun ?? []).includes("All");
    const request = { ...context, writer: { ...context.writer, dryRun } };
    const pod = context.transaction.get({ resource: "pods", namespace: context.namespace, name: context.name });
    if (pod !== undefined) spendBudget(request, pod);
    return remove(request, options);
  });
  return json(201, success(undefined, 201));
}

/** @throws {ApiError} `TooManyRequests` when a budget has nothing left */
function spendBudget({ transaction, namespace, writer }: WriteRequest, pod: KubeObject): void {
  if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase !== "Running") return; // not counted among the healthy
  for (const budget of transaction.list(BUDGETS, namespace)) {
    if (!matchesSelector(budget.spec.selector, pod.metadata.labels)) continue;
    const left = budget.status?.disruptionsAllowed ?? 0;
    if (left <= 0) throw exhausted(budget);
    if (!writer.dryRun) transaction.put(keyOf(BUDGETS, budget), { ...budget, status: { ...budget.status, disruptionsAllowed: left - 1 } });
  }
}

function exhausted({ metadata, status }: KubeObject): ApiError {
  const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
  const message = `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return new ApiError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message }],
    retryAfterSeconds: RETRY_SECONDS,
  });
}
