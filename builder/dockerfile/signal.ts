/** Signals of STOPSIGNAL: a name with or without SIG, a number, or a real-time one. */
import { constants } from "node:os";

const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;

/** Undefined when there is no such signal. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) >= 1 && Number(text) <= REAL_TIME_MAX ? Number(text) : undefined;
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime === null) return new Map<string, number>(Object.entries(constants.signals)).get(`SIG${name}`);
  const [, edge, sign, offset = "0"] = realTime;
  const number = edge === "MIN" && sign !== "-" ? REAL_TIME_MIN + Number(offset) : edge === "MAX" && sign !== "+" ? REAL_TIME_MAX - Number(offset) : 0;
  return number >= REAL_TIME_MIN && number <= REAL_TIME_MAX ? number : undefined;
}
