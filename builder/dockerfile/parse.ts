/** parseDockerfile: text → typed instructions. Everything that can be known without variables or files is checked here. */
import { BuilderError, placed, type ErrorPlace } from "../errors.ts";
import { parseDirectives } from "./directives.ts";
import { frame } from "./frame.ts";
import { requireBuiltIn } from "./front-end.ts";
import type { Dockerfile, Instruction, Place } from "./instruction.ts";
import { parseBody } from "./parse-body.ts";
import { scan, ScanFailure, sourceLines, type RawInstruction } from "./scan.ts";

/**
 * `frontEnd` is read instead of what the file's `syntax` asks for.
 * @throws {BuilderError} `DOCKERFILE_INVALID`, `INSTRUCTION_UNKNOWN`, `FLAG_INVALID`, `UNSUPPORTED`, each with its place
 */
export function parseDockerfile(text: string, file = "Dockerfile", frontEnd?: string): Dockerfile {
  const lines = sourceLines(text);
  const source = { file, lines };
  const at = (place: Place) => () => frame(source, place);
  const { directives, syntaxAt, count } = attempt(() => parseDirectives(lines), at);
  if (frontEnd !== undefined) requireBuiltIn(frontEnd, "BUILDKIT_SYNTAX");
  const { syntax } = directives;
  if (frontEnd === undefined && syntax !== undefined) attempt(() => requireBuiltIn(syntax, "syntax"), at, syntaxAt);
  const readable = count === 0 ? lines : lines.map((line, index) => (index < count ? "" : line));
  const scanned = attempt(() => scan(readable, directives.escape), at);
  const instructions = scanned.instructions.map((raw) => attempt(() => parseInstruction(raw), at, raw.place));
  const first = instructions.find((instruction) => instruction.kind !== "ARG");
  if (first === undefined)
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot build ${file}: the file has no ${instructions.length === 0 ? "instructions" : "FROM"}`);
  if (first.kind !== "FROM") {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot use ${first.kind} here: no build stage in current context`, {
      place: frame(source, first.place),
      hint: "A Dockerfile begins with FROM; only ARG may come before it",
    });
  }
  return { ...source, directives, instructions, warnings: scanned.warnings };
}

export function parseInstruction(raw: RawInstruction): Instruction {
  if (raw.text.includes("\0")) throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${raw.keyword}: a NUL byte is in it`);
  return { ...parseBody(raw), place: raw.place, text: raw.text, ...(raw.comments === undefined ? {} : { comments: raw.comments }) };
}

/** Instructions of an ONBUILD trigger, placed where the FROM stands that brought them. */
export function parseTrigger(trigger: string, place: Place): Instruction {
  const [raw, ...more] = attempt(() => scan(sourceLines(trigger), "\\"), undefined).instructions;
  if (raw === undefined || more.length > 0)
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ONBUILD trigger ${JSON.stringify(trigger)}: it is not exactly one instruction`);
  const { text, ...instruction } = parseInstruction({ ...raw, place });
  return { ...instruction, text: `ONBUILD ${text}` };
}

/** Gives an error the lines it is about: `place`, or where the scan failed. */
function attempt<Value>(action: () => Value, at: ((place: Place) => () => ErrorPlace) | undefined, place: Place = { start: 1, end: 1 }): Value {
  try {
    return action();
  } catch (error) {
    const [reason, where] = error instanceof ScanFailure ? [error.error, error.place] : [error, place];
    throw at === undefined ? reason : placed(reason, at(where));
  }
}
