/** What an autoscaler remembers of the last minutes: what it recommended, and what it did. Lost with the process, as upstream. */

export interface Recommendation {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly replicas: number;
}

export interface ScaleChange {
  readonly at: number;
  /** Above 0 when it grew. */
  readonly change: number;
}

export interface History {
  readonly recommendations: readonly Recommendation[];
  readonly changes: readonly ScaleChange[];
}

/** Longest period and stabilization window that a spec may ask for. */
const MEMORY_MS = 3_600_000;

export const noHistory: History = { recommendations: [], changes: [] };

export function remember(history: History, recommendation: Recommendation): History {
  return { ...history, recommendations: [...history.recommendations.filter(({ at }) => at > recommendation.at - MEMORY_MS), recommendation] };
}

export function rememberChange(history: History, change: ScaleChange): History {
  return { ...history, changes: [...history.changes.filter(({ at }) => at > change.at - MEMORY_MS), change] };
}

/** Highest of `replicas` and of what was recommended since. */
export function highestSince({ recommendations }: History, since: number, replicas: number): number {
  return Math.max(replicas, ...recommendations.filter(({ at }) => at > since).map((one) => one.replicas));
}

export function lowestSince({ recommendations }: History, since: number, replicas: number): number {
  return Math.min(replicas, ...recommendations.filter(({ at }) => at > since).map((one) => one.replicas));
}

/** Replicas as they were at `since`, told from the changes. */
export function replicasAt({ changes }: History, since: number, replicas: number): number {
  return replicas - changes.filter(({ at }) => at > since).reduce((sum, { change }) => sum + change, 0);
}
