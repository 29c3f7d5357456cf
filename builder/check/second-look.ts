/**
 * A fix is written only if another parser agrees that it left every instruction where it was. dockerfile-ast is an editor's parser, written
 * by others: what our own reader gets wrong in the old text and the new alike, it sees.
 */
import { DockerfileParser } from "dockerfile-ast";

/** Of these the last one counts; a fix takes the others out. */
const SUPERSEDED: ReadonlySet<string> = new Set(["CMD", "ENTRYPOINT", "HEALTHCHECK"]);

export function agree(before: string, after: string): boolean {
  const left = keywords(after);
  const gone = keywords(before).filter((keyword) => {
    const isThere = left[0] === keyword;
    if (isThere) left.shift();
    return !isThere;
  });
  return left.length === 0 && gone.every((keyword) => SUPERSEDED.has(keyword));
}

/** Of every instruction, in order. A maintainer becomes a label: the only one that a fix turns into another. */
function keywords(text: string): string[] {
  return DockerfileParser.parse(text)
    .getInstructions()
    .map((instruction) => instruction.getKeyword())
    .map((keyword) => (keyword === "MAINTAINER" ? "LABEL" : keyword));
}
