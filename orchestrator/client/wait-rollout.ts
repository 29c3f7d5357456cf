/** Follows a rollout to its end and tells each step once. */
import { setTimeout as delay } from "node:timers/promises";
import type { KubeObject } from "../cluster.ts";
import { ClientError } from "./errors.ts";
import type { KubeClient } from "./kube-client.ts";
import { podProblems } from "./pod-problems.ts";
import { rolloutState } from "./rollout-status.ts";

const LOOK_MS = 100;
/** Looks at the Deployment between two looks at its pods. */
const LOOKS = 10;

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly tell: (message: string) => void;
  readonly signal: AbortSignal;
  /** Why there is no use in waiting on for pods like these; asked now and then. */
  readonly giveUp?: (pods: readonly KubeObject[]) => Promise<string | undefined>;
}

/** `path` of the Deployment. What keeps its pods from running is told as it comes. @throws {ClientError} `ROLLOUT_FAILED`, `TIMED_OUT` */
export async function waitForRollout(client: KubeClient, path: string, { timeout, tell, signal, giveUp }: WaitOptions): Promise<void> {
  const deadline = Date.now() + timeout;
  const told = new Set<string>();
  let problems: readonly string[] = [];
  for (let look = 0, before = ""; ; look++) {
    const deployment = await client.get({ path, signal });
    const state = rolloutState(deployment);
    if (state.kind === "failed") throw new ClientError("ROLLOUT_FAILED", state.message);
    if (state.message !== before) tell((before = state.message));
    if (state.kind === "done") return;
    const late = Date.now() > deadline;
    if (late || look % LOOKS === LOOKS - 1) {
      const pods = await podsOf(client, path, deployment, signal);
      const why = await giveUp?.(pods);
      if (why !== undefined) throw new ClientError("ROLLOUT_FAILED", why);
      problems = podProblems(pods);
      for (const problem of problems) if (!told.has(problem)) tell(problem);
      for (const problem of problems) told.add(problem);
    }
    if (late) throw new ClientError("TIMED_OUT", ["timed out waiting for the condition", ...problems].join("\n"));
    await delay(LOOK_MS, undefined, { signal });
  }
}

async function podsOf(client: KubeClient, path: string, deployment: KubeObject, signal: AbortSignal): Promise<readonly KubeObject[]> {
  const [, namespace = "default"] = /\/namespaces\/([^/]+)\//.exec(path) ?? [];
  const labels = Object.entries<string>(deployment.spec.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const query = `labelSelector=${encodeURIComponent(labels.join(","))}`;
  return (await client.list({ path: `/api/v1/namespaces/${namespace}/pods?${query}`, signal })).items;
}
