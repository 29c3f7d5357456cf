/** Text for a terminal: no control characters, cut to a width in cells. */

/** Escape sequences (colours, cursor, titles), then whatever else is no character to show. */
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** As it is to be seen: of a line that was written over, the last. */
export function visible(text: string): string {
  const last = text.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  return last.replace(SEQUENCES, "").replaceAll("\t", " ").replace(CONTROLS, "");
}

export function cellsOf(text: string): number {
  let cells = 0;
  for (const char of text) cells += cellsOfChar(char);
  return cells;
}

export function cut(text: string, width: number): string {
  let cells = 0;
  let out = "";
  for (const char of text) {
    cells += cellsOfChar(char);
    if (cells > width) return out;
    out += char;
  }
  return out;
}

/** `left` and `right` at both ends of a line; `left` gives way. */
export function spread(left: string, right: string, width: number): string {
  const room = Math.max(0, width - cellsOf(right) - 1);
  const short = cut(left, room);
  return cut(`${short}${" ".repeat(room - cellsOf(short))} ${right}`, width);
}

function cellsOfChar(char: string): number {
  if (char >= " " && char <= "~") return 1;
  return ZERO.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}
