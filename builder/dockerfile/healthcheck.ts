/** HEALTHCHECK NONE | CMD …, with its timings. */
import { BuilderError } from "../errors.ts";
import { parseDuration } from "./duration.ts";
import type { Body } from "./instruction.ts";
import { parseCommand, type Parts } from "./parts.ts";
import { splitKeyword } from "./scan.ts";

/** Docker's own minimum: one millisecond. */
const MIN_NS = 1e6;
const MAX_RETRIES = 2 ** 31 - 1;

export function parseHealthcheck({ flags, rest }: Parts): Body {
  const { keyword: type, rest: tail } = splitKeyword(rest);
  const duration = (name: string): number => readDuration(name, flags.text(name));
  const options = {
    interval: duration("interval"),
    timeout: duration("timeout"),
    startPeriod: duration("start-period"),
    startInterval: duration("start-interval"),
    retries: readRetries(flags.text("retries")),
  };
  if (type.toUpperCase() === "NONE" && tail === "") return { kind: "HEALTHCHECK", test: "NONE", ...options };
  if (type.toUpperCase() !== "CMD" || tail === "") throw new BuilderError("DOCKERFILE_INVALID", "Cannot read HEALTHCHECK: expected NONE or CMD with a command");
  const test = parseCommand({ keyword: "HEALTHCHECK", rest: tail });
  if (test.form === "exec" && test.args.length === 0) throw new BuilderError("DOCKERFILE_INVALID", "Cannot read HEALTHCHECK: missing command after CMD");
  return { kind: "HEALTHCHECK", test, ...options };
}

function readDuration(name: string, text: string | undefined): number {
  const value = text === undefined || text === "" ? 0 : parseDuration(text);
  if (value === undefined || value < 0 || (value > 0 && value < MIN_NS)) {
    throw new BuilderError("FLAG_INVALID", `Cannot use HEALTHCHECK --${name}=${text}: expected a duration of 1ms or more, or 0`);
  }
  return value;
}

function readRetries(text: string | undefined): number {
  const value = text === undefined || text === "" ? 0 : /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MAX_RETRIES)) throw new BuilderError("FLAG_INVALID", `Cannot use HEALTHCHECK --retries=${text}: expected a whole number of 0 or more`);
  return value;
}
