/** Applies what findings propose, until nothing more is proposed: fixing twice changes nothing more. */
import { checkDockerfile, type CheckInput } from "./check.ts";
import type { Edit, Finding } from "./finding.ts";

/** One fix may make room for another; more rounds than rules are never needed. */
const MAX_ROUNDS = 22;

export interface Fixed {
  readonly text: string;
  /** What was mended, in the order of the file; places are those of the time. */
  readonly mended: readonly Finding[];
}

/** @throws {BuilderError} as checkDockerfile */
export function fixDockerfile(input: CheckInput): Fixed {
  let { text } = input.dockerfile;
  const mended: Finding[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { findings } = checkDockerfile({ ...input, dockerfile: { ...input.dockerfile, text } });
    const { applied, edits } = choose(findings.filter((finding) => finding.edits.length > 0));
    if (applied.length === 0) break;
    text = edited(text, edits);
    mended.push(...applied);
  }
  return { text, mended };
}

/** All edits of a finding or none: those that meet edits of another wait for the next round. */
function choose(findings: readonly Finding[]): { readonly applied: readonly Finding[]; readonly edits: readonly Edit[] } {
  const applied: Finding[] = [];
  const edits: Edit[] = [];
  for (const finding of findings) {
    const meets = finding.edits.some((edit) => edits.some((other) => edit.start <= other.end && other.start <= edit.end));
    if (meets) continue;
    applied.push(finding);
    edits.push(...finding.edits);
  }
  return { applied, edits };
}

function edited(text: string, edits: readonly Edit[]): string {
  let out = text;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start)) out = out.slice(0, start) + replacement + out.slice(end);
  return out;
}
