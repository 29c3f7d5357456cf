/** What progress calls a step: its instruction in one line, of a heredoc the beginning; in RUN with the values that its variables have. */
import type { Instruction } from "../dockerfile/instruction.ts";
import { substitute } from "../dockerfile/substitute.ts";
import type { Action } from "./graph.ts";
import { heredocAlone } from "./heredoc-alone.ts";

/** As BuildKit shows the value of a secret. */
const STARS = "****";
/** Longer ones hide more than they tell. */
const MAX_CHARS = 4096;

/** Quotes stay, and variables that the program itself sets. */
export function stepLabel(instruction: Instruction, action: Action, environment: () => ReadonlyMap<string, string>, escape: string): string {
  const line = instruction.text.replace(/\s+/g, " ");
  if (instruction.kind !== "RUN" || action.kind !== "run") return line;
  const label = `${line}${beginning(instruction)}`;
  const secrets = action.mounts.flatMap((mount) => (mount.kind === "secret" && mount.env !== undefined ? [[mount.env, STARS] as const] : []));
  try {
    const { text } = substitute(label, new Map([...environment(), ...secrets]), { escape, isShown: true });
    return text.length > MAX_CHARS ? label : text;
  } catch {
    return label; // a shell reads more than we do
  }
}

function beginning(instruction: Extract<Instruction, { kind: "RUN" }>): string {
  if (heredocAlone(instruction) === undefined) return "";
  const [first, ...more] = (instruction.heredocs[0]?.body ?? "").trim().split(/\r?\n/);
  return ` (${first}${more.length > 0 ? "..." : ""})`;
}
