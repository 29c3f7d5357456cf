/** Output of steps as lines: cut at newlines wherever the bytes were cut, and made safe to show. */
import { StringDecoder } from "node:string_decoder";
import type { Status } from "../../builder/progress.ts";

/** Of a step's output, kept to be shown when it fails. As BuildKit's. */
export const TAIL_LINES = 10;

/** Holds back what has no newline yet. */
export class LineCutter {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(data: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength))).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.map((line) => line.replace(/\r$/, ""));
  }

  /** What is there of the line that goes on. */
  get rest(): string {
    return this.#rest;
  }

  finish(): readonly string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}

/** `12.30MB / 45.60MB`, as BuildKit writes bytes. */
export function bytesText({ current, total }: Pick<Status, "current" | "total">): string {
  if (total !== undefined && total > 0) return `${bytes(current)} / ${bytes(total)}`;
  return current > 0 ? bytes(current) : "";
}

function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = Math.min(units.length - 1, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3));
  return at === 0 ? `${count}B` : `${(count / 1000 ** at).toFixed(2)}${units[at]}`;
}
