/** Controls but for lines and tabs, and marks that turn text around. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** What others wrote (a name in an image, what a registry says) goes to a terminal: nothing in it drives that. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, escape);
}

/** Of one line: lines and tabs are escaped too. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll(/[\t\n]/g, escape);
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, "0")}`;
}
