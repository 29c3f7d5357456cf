/** What the registry counts, in the text format that Prometheus reads. Spec: Prometheus exposition format 0.0.4. */
import type { Reply, Request } from "../../http/message.ts";
import { text } from "../../http/reply.ts";

export interface Metrics {
  count(request: Request, reply: Reply, sent: { readonly bytes: number; readonly milliseconds: number }): void;
  show(): Reply;
}

/** What a path is about: names of repositories would make a series each. */
const KINDS = ["manifests", "blobs", "tags", "referrers"] as const;

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  let bytes = 0;
  let seconds = 0;
  let total = 0;
  return {
    count({ method, path }, { status }, sent): void {
      const kind = path.includes("/blobs/uploads/") ? "uploads" : (KINDS.find((name) => path.includes(`/${name}/`)) ?? "other");
      const key = `method="${/^[A-Z]{3,7}$/.test(method) ? method : "other"}",kind="${kind}",status="${status}"`;
      requests.set(key, (requests.get(key) ?? 0) + 1);
      bytes += sent.bytes;
      seconds += sent.milliseconds / 1000;
      total += 1;
    },
    show: () =>
      text(
        200,
        [
          "# TYPE strata_registry_requests_total counter",
          ...[...requests].map(([labels, value]) => `strata_registry_requests_total{${labels}} ${value}`).sort(),
          "# TYPE strata_registry_sent_bytes_total counter",
          `strata_registry_sent_bytes_total ${bytes}`,
          "# TYPE strata_registry_request_seconds summary",
          `strata_registry_request_seconds_sum ${seconds.toFixed(6)}`,
          `strata_registry_request_seconds_count ${total}`,
          "# TYPE process_resident_memory_bytes gauge",
          `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
          "",
        ].join("\n"),
        { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      ),
  };
}
