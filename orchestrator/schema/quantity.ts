/** Resource quantities: exact numbers with SI or binary suffixes, and their canonical text. Spec: Kubernetes API reference, "Quantity". */

export interface Quantity {
  /** In billionths, which is the finest a quantity may be. */
  readonly nano: bigint;
  readonly format: "binary" | "decimal" | "exponent";
}

const NANO = 1_000_000_000n;
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
const decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"] as const;

const form = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

/** Undefined when it is no quantity. */
export function parseQuantity(text: string | number): Quantity | undefined {
  const match = form.exec(String(text));
  if (match === null) return undefined;
  const [, sign, digits = "", binarySuffix, decimalSuffix, exponent] = match;
  const [whole = "", fraction = ""] = digits.split(".");
  let numerator = BigInt(`${whole}${fraction}` || "0") * NANO;
  let denominator = 10n ** BigInt(fraction.length);
  if (binarySuffix !== undefined) numerator *= 1024n ** BigInt(binary.indexOf(binarySuffix as "Ki"));
  const power = exponent !== undefined ? Number(exponent) : decimalSuffix !== undefined ? (decimal.indexOf(decimalSuffix as "k") - 3) * 3 : 0;
  if (power >= 0) numerator *= 10n ** BigInt(power);
  else denominator *= 10n ** BigInt(-power);
  const nano = (numerator + denominator - 1n) / denominator; // finer than nano is rounded up
  return { nano: sign === "-" ? -nano : nano, format: binarySuffix !== undefined ? "binary" : exponent !== undefined ? "exponent" : "decimal" };
}

/** The shortest suffix without a fraction. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return "0";
  if (format === "binary" && nano % NANO === 0n && magnitude(nano) >= 1024n * NANO) return withBinarySuffix(nano / NANO);
  let power = -9;
  let value = nano;
  while (value % 1000n === 0n && power < 18) {
    value /= 1000n;
    power += 3;
  }
  if (format === "exponent") return power === 0 ? String(value) : `${value}e${power}`;
  return `${value}${decimal[power / 3 + 3]}`;
}

function withBinarySuffix(whole: bigint): string {
  let step = 0;
  let value = whole;
  while (value % 1024n === 0n && step < binary.length - 1) {
    value /= 1024n;
    step++;
  }
  return `${value}${binary[step]}`;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Thousandths, rounded up: how cpu is counted. @throws {RangeError} when it is no quantity */
export function milliOf(text: string | number): number {
  return Number(divideUp(known(text).nano, 1_000_000n));
}

/** Whole units, rounded up: how bytes are counted. @throws {RangeError} when it is no quantity */
export function wholeOf(text: string | number): number {
  return Number(divideUp(known(text).nano, NANO));
}

/** In the format of the first. @throws {RangeError} when one is no quantity */
export function sumQuantities(texts: readonly (string | number)[]): string {
  const amounts = texts.map(known);
  return formatQuantity({ nano: amounts.reduce((sum, { nano }) => sum + nano, 0n), format: amounts[0]?.format ?? "decimal" });
}

export function compareQuantities(a: string | number, b: string | number): number {
  const difference = known(a).nano - known(b).nano;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function known(text: string | number): Quantity {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new RangeError(`Cannot read ${JSON.stringify(text)} as a quantity`);
  return quantity;
}

function divideUp(value: bigint, by: bigint): bigint {
  return value > 0n ? (value + by - 1n) / by : value / by;
}
