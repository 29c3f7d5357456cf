/**
 * Patterns of repositories' names: `*` is any part of a name without its slashes, `**` with them. All ways to match are followed at once,
 * a step a character of the name for each of the pattern, so that no name makes it slow.
 */

export type NamePattern = (name: string) => boolean;

export function parsePattern(glob: string): NamePattern {
  const marks = glob.match(/\*\*|[^]/g) ?? [];
  return (name) => {
    let reached = past(marks, Uint8Array.of(1, ...marks.map(() => 0))); // reached[n]: the first n marks match what was read
    for (const character of name.split("")) reached = past(marks, step(marks, reached, character));
    return reached[marks.length] === 1;
  };
}

function step(marks: readonly string[], reached: Uint8Array, character: string): Uint8Array {
  const next = new Uint8Array(reached.length);
  marks.forEach((mark, at) => {
    if (mark === "**" || mark === "*") next[at + 1] = mark === "*" && character === "/" ? 0 : reached[at + 1]!;
    else next[at + 1] = mark === character ? reached[at]! : 0;
  });
  return next;
}

/** A star may stand for nothing. */
function past(marks: readonly string[], reached: Uint8Array): Uint8Array {
  marks.forEach((mark, at) => {
    if ((mark === "**" || mark === "*") && reached[at] === 1) reached[at + 1] = 1;
  });
  return reached;
}
