/** The record of one build: a file of JSON lines, written while the build goes on. The first tells what is built, the last how it ended. */
import type { BuildEvent } from "../progress.ts";

export interface RecordHead {
  readonly id: string;
  /** Process that builds, as `ownedName` writes it: without a last line, and this one gone, the build was cut off. */
  readonly owner: string;
  readonly name: string;
  readonly context: string | undefined;
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly platform: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** RFC 3339 */
  readonly startedAt: string;
}

export interface RecordEnd {
  readonly status: "Completed" | "Error" | "Canceled";
  /** Milliseconds. */
  readonly duration: number;
  readonly error?: string;
  /** The lines of the Dockerfile that it is about. */
  readonly frame?: string;
  /** Digest of the image. */
  readonly image?: string;
  readonly steps: StepCounts;
}

export interface StepCounts {
  readonly total: number;
  readonly completed: number;
  readonly cached: number;
}

/** Output is base64 in the file. */
export type RecordLine =
  | { readonly head: RecordHead }
  | { readonly at: number; readonly event: BuildEvent }
  | { readonly lost: number }
  | { readonly end: RecordEnd };

export function formatLine(line: RecordLine): string {
  if (!("event" in line) || line.event.kind !== "output") return `${JSON.stringify(line)}\n`;
  const { data } = line.event;
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  return `${JSON.stringify({ at: line.at, event: { ...line.event, data: base64 } })}\n`;
}

/** Undefined for a line that was cut off. */
export function parseLine(text: string): RecordLine | undefined {
  try {
    const line = JSON.parse(text) as RecordLine;
    if (!("event" in line) || line.event.kind !== "output") return line;
    return { at: line.at, event: { ...line.event, data: Buffer.from(String(line.event.data), "base64") } };
  } catch {
    return undefined;
  }
}
