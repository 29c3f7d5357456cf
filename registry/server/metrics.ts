/** What the registry counts, in the text format that Prometheus reads. Spec: Prometheus exposition format 0.0.4. */
import type { Reply, Request } from "../../http/message.ts";
import { text } from "../../http/reply.ts";
import type { Sent } from "../../http/serve.ts";

export interface Metrics {
  count(request: Request, reply: Reply, sent: Sent): void;
  show(): Reply;
}

/** What a path is about: names of repositories would make a series each. */
const KINDS = ["manifests", "blobs", "tags", "referrers"] as const;

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  let bytes = 0;
  let received = 0;
  let seconds = 0;
  let total = 0;
  return {
    count({ method, path }, { status }, sent): void {
      const kind = path.includes("/blobs/uploads/") ? "uploads" : (KINDS.find((name) => path.includes(`/${name}/`)) ?? "other");
      const key = `method="${/^[A-Z]{3,7}$/.test(method) ? method : "other"}",kind="${kind}",status="${status}"`;
      requests.set(key, (requests.get(key) ?? 0) + 1);
      bytes += sent.bytes;
      received += sent.received;
      seconds += sent.milliseconds / 1000;
      total += 1;
    },
    show: () =>
      text(
        200,
        [
          ...head("strata_registry_requests_total", "counter", "Requests that were answered."),
          ...[...requests].map(([labels, value]) => `strata_registry_requests_total{${labels}} ${value}`).sort(),
          ...head("strata_registry_sent_bytes_total", "counter", "Bytes of the bodies of replies."),
          `strata_registry_sent_bytes_total ${bytes}`,
          ...head("strata_registry_received_bytes_total", "counter", "Bytes of the bodies of requests that were read."),
          `strata_registry_received_bytes_total ${received}`,
          ...head("strata_registry_request_seconds", "summary", "Time from the headers of a request to the end of its reply."),
          `strata_registry_request_seconds_sum ${seconds.toFixed(6)}`,
          `strata_registry_request_seconds_count ${total}`,
          ...head("process_resident_memory_bytes", "gauge", "Memory that the process has."),
          `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
          "",
        ].join("\n"),
        { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      ),
  };
}

function head(name: string, type: "counter" | "gauge" | "summary", help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
