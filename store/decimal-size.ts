/** `12.3MB`: three digits, powers of a thousand, as docker prints images' sizes. */
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

export function decimalSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(3))}${UNITS[unit]}`;
}
