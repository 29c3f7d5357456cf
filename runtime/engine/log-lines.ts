/** Reads the two log formats back, line by line. Pure. Spec: docker json-file; Kubernetes CRI log format. */
import type { LogLine } from "../engine.ts";

export interface LogFormat {
  readonly format: "json" | "cri";
}

/** Undefined for a line that a crash cut short. */
export function parseLogLine(line: string, format: LogFormat["format"]): LogLine | undefined {
  return format === "json" ? parseJsonLine(line) : parseCriLine(line);
}

function parseJsonLine(line: string): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as { readonly log?: string; readonly stream?: string; readonly time?: string };
    return log === undefined || time === undefined ? undefined : { stream: stream === "stderr" ? "stderr" : "stdout", time, text: Buffer.from(log) };
  } catch {
    return undefined;
  }
}

/** `2024-01-01T00:00:00.000000000Z stdout F text`; P is a part of a line. */
function parseCriLine(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP])(?: (.*))?$/s.exec(line);
  if (match === null) return undefined;
  const [, time = "", stream, tag, text = ""] = match;
  return { stream: stream === "stderr" ? "stderr" : "stdout", time, text: Buffer.from(tag === "F" ? `${text}\n` : text) };
}
