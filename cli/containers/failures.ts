/** How a container that could not be started ends `run`, `start` and `exec`: 125, 126 or 127, as in docker. */
import { RuntimeError } from "../../runtime/errors.ts";
import { CodedError } from "../../store/errors.ts";
import { EXIT, ExitError } from "../errors.ts";
import { CidFileError } from "./cid-file.ts";

const COMMAND_NOT_EXECUTABLE = 126;
const COMMAND_NOT_FOUND = 127;

export function startFailure(error: unknown): unknown {
  if (error instanceof CidFileError) return new ExitError(cidFileStatus(error), error.message);
  if (!(error instanceof CodedError)) return error;
  const text = error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  if (error instanceof RuntimeError && error.code === "COMMAND_NOT_FOUND") return new ExitError(COMMAND_NOT_FOUND, text);
  if (error instanceof RuntimeError && error.code === "COMMAND_NOT_EXECUTABLE") return new ExitError(COMMAND_NOT_EXECUTABLE, text);
  return new ExitError(EXIT.strata, text);
}

/** Docker reads its own words, and takes a folder that is missing for a command that is. */
function cidFileStatus({ code }: CidFileError): number {
  if (code === "ENOENT") return COMMAND_NOT_FOUND;
  return code === "EACCES" ? COMMAND_NOT_EXECUTABLE : EXIT.strata;
}
