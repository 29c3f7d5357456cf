/** Sizes as people write and read them. */
const FACTORS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `10GB`, `512MiB`, `1000`. Undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(FACTORS, unit) ? FACTORS[unit] : undefined;
  return number === "" || factor === undefined ? undefined : Math.floor(Number(number) * factor);
}

/** `12.3MB`: three digits, powers of a thousand. */
export function formatSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(3))}${UNITS[unit]}`;
}
