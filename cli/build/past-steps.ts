/** The steps of a build that is over, from its events. */
import type { PastEvent } from "../../builder/history/history.ts";

export interface PastStep {
  readonly number: number;
  readonly name: string;
  /** `unfinished`: the build was cut off, or goes on. */
  readonly result: "done" | "cached" | "failed" | "canceled" | "unfinished";
  /** Milliseconds. */
  readonly duration: number | undefined;
  /** Of a hit or a miss, when the build was asked to explain. */
  readonly reason: string | undefined;
  readonly error: string | undefined;
  readonly output: Buffer;
}

export function stepsOf(events: readonly PastEvent[]): readonly PastStep[] {
  return events.flatMap(({ at: startedAt, event }) => {
    if (event.kind !== "started") return [];
    const own = events.filter((other) => other.event.vertex === event.vertex);
    const end = own.find((other) => other.event.kind === "done" || other.event.kind === "failed");
    const isCached = own.some((other) => other.event.kind === "cached");
    return [
      {
        number: event.vertex,
        name: event.name,
        result: resultOf(end, isCached),
        duration: end === undefined ? undefined : end.at - startedAt,
        reason: own.flatMap((other) => (other.event.kind === "explained" ? [`${other.event.isHit ? "hit" : "miss"}: ${other.event.reason}`] : []))[0],
        error: end?.event.kind === "failed" ? end.event.message : undefined,
        output: Buffer.concat(own.flatMap((other) => (other.event.kind === "output" ? [other.event.data] : []))),
      },
    ];
  });
}

function resultOf(end: PastEvent | undefined, isCached: boolean): PastStep["result"] {
  if (end === undefined) return "unfinished";
  if (end.event.kind === "failed") return end.event.isCancelled ? "canceled" : "failed";
  return isCached ? "cached" : "done";
}
