/** What went wrong, on stderr and in the file that the caller named: docker and podman show what they read there. */
import { appendFileSync } from "node:fs";

export interface LogTarget {
  readonly log?: string;
  readonly logFormat: string;
}

export function logLine({ log, logFormat }: LogTarget, level: "error" | "warning", text: string): void {
  if (log === undefined || text === "") return;
  const time = new Date().toISOString();
  appendFileSync(log, logFormat === "json" ? `${JSON.stringify({ level, msg: text, time })}\n` : `time="${time}" level=${level} msg=${JSON.stringify(text)}\n`);
}
