/** Sizes as docker takes them: `128m`, `1.5g`, `512` bytes, `-1`. */
import { UsageError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes. @throws {UsageError} */
export function parseBytes(text: string): number {
  if (text === "-1") return -1;
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? "-"];
  if (match === null || unit === undefined) throw new UsageError(`invalid size: ${JSON.stringify(text)}`);
  return Math.round(Number(match[1]) * unit);
}

/** @throws {UsageError} */
export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new UsageError(`invalid number: ${JSON.stringify(text)}`);
  return value;
}

/** `12.3MiB`, as docker stats prints it. */
export function formatBinary(bytes: number): string {
  return format(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** `12.3MB`. */
export function formatDecimal(bytes: number): string {
  return format(bytes, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

function format(bytes: number, base: number, units: readonly string[]): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log(bytes) / Math.log(base)), units.length - 1);
  return `${Number((bytes / base ** power).toPrecision(4))}${units[power]}`;
}
