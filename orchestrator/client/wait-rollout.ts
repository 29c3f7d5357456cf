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
}

/** `path` of the Deployment. What keeps its pods from running is told as it comes. @throws {ClientError} `ROLLOUT_FAILED`, `TIMED_OUT` */
export async function waitForRollout(client: KubeClient, path: string, { timeout, tell, signal }: WaitOptions): Promise<void> {
  const deadline = Date.now() + timeout;
  const told = new Set<string>();
  let problems: readonly string[] = [];
  for (let look = 0, before = ""; ; look++) {
    const deployment = await client.send({ path, signal });
    const state = rolloutState(deployment);
    if (state.kind === "failed") throw new ClientError("ROLLOUT_FAILED", state.message);
    if (state.message !== before) tell((before = state.message));
    if (state.kind === "done") return;
    const late = Date.now() > deadline;
    if (late || look % LOOKS === LOOKS - 1) {
      problems = podProblems(await podsOf(client, path, deployment, signal));
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
  return (await client.send({ path: `/api/v1/namespaces/${namespace}/pods?${query}`, signal })).items;
}
