/** parseDockerfile: text → typed instructions. Everything that can be known without variables or files is checked here. */
import { BuilderError, placed } from "../errors.ts";
import { parseDirectives } from "./directives.ts";
import { frame } from "./frame.ts";
import type { Directives, Dockerfile, Instruction, Place } from "./instruction.ts";
import { parseBody } from "./parse-body.ts";
import { scan, ScanFailure, sourceLines, type RawInstruction } from "./scan.ts";

/** @throws {BuilderError} `DOCKERFILE_INVALID`, `INSTRUCTION_UNKNOWN`, `FLAG_INVALID`, each with its place */
export function parseDockerfile(text: string, file = "Dockerfile"): Dockerfile {
  const lines = sourceLines(text);
  const source = { file, lines };
  const at = (place: Place) => () => frame(source, place);
  const directives = attempt(() => parseDirectives(lines), at({ start: 1, end: 1 }));
  const scanned = attemptScan(lines, directives, (place) => at(place));
  const instructions = scanned.instructions.map((raw) => attempt(() => parseInstruction(raw), at(raw.place)));
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
  return { ...parseBody(raw), place: raw.place, text: raw.text };
}

/** Instructions of an ONBUILD trigger, placed where the FROM stands that brought them. */
export function parseTrigger(trigger: string, place: Place): Instruction {
  const [raw] = scan(sourceLines(trigger), "\\").instructions;
  if (raw === undefined) throw new BuilderError("DOCKERFILE_INVALID", "Cannot read an empty ONBUILD trigger");
  return parseInstruction({ ...raw, place });
}

function attempt<Value>(action: () => Value, place: () => ReturnType<typeof frame>): Value {
  try {
    return action();
  } catch (error) {
    throw placed(error, place);
  }
}

function attemptScan(lines: readonly string[], directives: Directives, at: (place: Place) => () => ReturnType<typeof frame>): ReturnType<typeof scan> {
  try {
    return scan(lines, directives.escape);
  } catch (error) {
    throw error instanceof ScanFailure ? placed(error.error, at(error.place)) : error;
  }
}
