/** What `prune` removed, under docker's headers; nothing of a kind of which nothing went. */
import { decimalSize } from "../../store/decimal-size.ts";

type Kind = "Containers" | "Networks" | "Volumes" | "Images";

export function printDeleted(stdout: NodeJS.WritableStream, kind: Kind, lines: readonly string[]): void {
  if (lines.length > 0) stdout.write(`Deleted ${kind}:\n${lines.map((line) => `${line}\n`).join("")}\n`);
}

export function printReclaimed(stdout: NodeJS.WritableStream, bytes: number): void {
  stdout.write(`Total reclaimed space: ${decimalSize(bytes)}\n`);
}
