/** Numbers, times and names as people read them. */
import type { Digest } from "../../../store/digest.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"];
const SPANS: readonly (readonly [seconds: number, name: string])[] = [
  [31_536_000, "year"],
  [2_592_000, "month"],
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
];
/** Hex digits that tell digests apart at a glance. */
const SHORT_DIGITS = 12;
/** What is not seen, or moves what is: controls, marks of direction, joiners, odd spaces, halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

export function showBytes(count: number): string {
  let unit = 0;
  let value = count;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}

/** Both in milliseconds since the epoch. */
export function showAge(then: number, now: number): string {
  const seconds = Math.max(0, now - then) / 1000;
  const span = SPANS.find(([length]) => seconds >= length);
  if (span === undefined) return "just now";
  return `${countOf(Math.floor(seconds / span[0]), span[1])} ago`;
}

/** `1 file`, `2 files` */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

export function shortDigest(digest: Digest): string {
  const colon = digest.indexOf(":") + 1;
  return digest.slice(colon, colon + SHORT_DIGITS);
}

/**
 * A name with nothing in it that hides or misleads. Different names stay different, so it may stand for the name in a URL:
 * a stray byte is `\xff`, a character that is not seen `\u{202e}`, a backslash two.
 */
export function visibleName(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll(UNSEEN, escapeUnseen);
}

/** As `visibleName` for text that is only read: lines, tabs and backslashes stay. */
export function visibleText(text: string): string {
  return text.replaceAll(UNSEEN, (character) => (character === "\n" || character === "\t" ? character : escapeUnseen(character)));
}

function escapeUnseen(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const isStray = code >= 0xdc80 && code <= 0xdcff; // see store/file-names.ts
  return isStray ? `\\x${(code - 0xdc00).toString(16)}` : `\\u{${code.toString(16)}}`;
}
