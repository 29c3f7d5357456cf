/** How long a container that keeps ending waits: at once, then 10 s doubling to 300 s; ten quiet minutes forgive. Spec: Kubernetes documentation, "Pod Lifecycle". */
import type { Instance, InstanceState } from "./running.ts";

const FIRST_MS = 10_000;
export const LAST_MS = 300_000;
const FORGIVEN_MS = 2 * LAST_MS;

type Ended = Extract<InstanceState, { kind: "exited" }>;

export interface Restart {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The wait that leads to it. */
  readonly wait: number;
  /** What the next instance carries as its own. */
  readonly backoff: number;
}

/** Known from the ended instance alone, so that a new node agent goes on where the old one was. */
export function nextRestart(instance: Instance, state: Ended): Restart {
  const finished = Date.parse(state.exit.finishedAt);
  const ran = finished - Date.parse(state.startedAt ?? state.exit.finishedAt);
  const wait = ran >= FORGIVEN_MS ? 0 : instance.backoff;
  return { at: finished + wait, wait, backoff: doubled(wait) };
}

/** The wait after `ms`. */
export function doubled(ms: number): number {
  return ms === 0 ? FIRST_MS : Math.min(ms * 2, LAST_MS);
}
