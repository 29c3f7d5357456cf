/** Signals by name or number, as docker and kill(1) take them. */
import { constants } from "node:os";
import { RuntimeError } from "../errors.ts";

const MAX_SIGNAL = 64;
const SIGRTMIN = 34;

/** `TERM`, `SIGTERM`, `15`, `SIGRTMIN+3`. @throws {RuntimeError} `SPEC_INVALID` */
export function parseSignal(text: string): number {
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  const realtime = /^SIGRTM(IN|AX)(?:([+-]\d+))?$/.exec(name);
  const number = /^\d+$/.test(text)
    ? Number(text)
    : realtime !== null
      ? (realtime[1] === "IN" ? SIGRTMIN : MAX_SIGNAL) + Number(realtime[2] ?? 0)
      : (constants.signals as Readonly<Record<string, number>>)[name];
  if (number === undefined || number < 1 || number > MAX_SIGNAL) throw new RuntimeError("SPEC_INVALID", `Cannot read ${JSON.stringify(text)} as a signal`);
  return number;
}
