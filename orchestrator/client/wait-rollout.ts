/** Follows a rollout to its end and tells each step once. */
import { setTimeout as delay } from "node:timers/promises";
import { ClientError } from "./errors.ts";
import type { KubeClient } from "./kube-client.ts";
import { rolloutState } from "./rollout-status.ts";

const LOOK_MS = 100;

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly tell: (message: string) => void;
  readonly signal: AbortSignal;
}

/** `path` of the Deployment. @throws {ClientError} `ROLLOUT_FAILED`, `TIMED_OUT` */
export async function waitForRollout(client: KubeClient, path: string, { timeout, tell, signal }: WaitOptions): Promise<void> {
  const deadline = Date.now() + timeout;
  for (let told = ""; ;) {
    const state = rolloutState(await client.send({ path, signal }));
    if (state.kind === "failed") throw new ClientError("ROLLOUT_FAILED", state.message);
    if (state.message !== told) tell((told = state.message));
    if (state.kind === "done") return;
    if (Date.now() > deadline) throw new ClientError("TIMED_OUT", "error: timed out waiting for the condition");
    await delay(LOOK_MS, undefined, { signal });
  }
}
