/** What happened to an object, oldest first. Pure. */
import { formatDuration } from "../../orchestrator/api/table/age.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { NONE } from "./fields.ts";

interface Event {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly reportingComponent?: string;
  readonly source?: { readonly component?: string };
  readonly metadata: KubeObject["metadata"];
}

export function eventLines(events: readonly Event[], now: number): readonly string[] {
  if (events.length === 0) return [`Events:\t${NONE}`];
  const rows = events
    .toSorted((left, right) => timeOf(left) - timeOf(right))
    .map((event) => {
      const from = event.source?.component ?? event.reportingComponent ?? "";
      return [event.type ?? "", event.reason ?? "", ageOf(event, now), from, (event.message ?? "").trim()];
    });
  const titles = ["Type", "Reason", "Age", "From", "Message"];
  return ["Events:", ...[titles, titles.map((title) => "-".repeat(title === "Age" ? 4 : title.length)), ...rows].map((cells) => `  ${cells.join("\t")}`)];
}

function timeOf({ lastTimestamp, metadata }: Event): number {
  return Date.parse(lastTimestamp ?? metadata.creationTimestamp);
}

function ageOf(event: Event, now: number): string {
  const age = formatDuration(now - timeOf(event));
  const count = event.count ?? 1;
  return count > 1 ? `${age} (x${count} over ${formatDuration(now - Date.parse(event.firstTimestamp ?? event.metadata.creationTimestamp))})` : age;
}
