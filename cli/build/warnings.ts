/** What is allowed but unwise, in few words under an ordinary build; `--check` says more. */
import { checkDockerfile, NO_FACTS } from "../../builder/check/check.ts";
import type { Warning } from "../../builder/dockerfile/instruction.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { checkInput } from "./check-input.ts";

/** Empty when there is nothing to say. `planned` is what the plan found. */
export function warningsText(request: BuildRequest, planned: readonly Warning[]): string {
  const undefinedVariables = planned.filter(({ rule }) => rule === "UndefinedVar");
  const { findings } = checkDockerfile(checkInput(request), { ...NO_FACTS, undefinedVariables });
  if (findings.length === 0) return "";
  const lines = findings.map(({ rule, message, place }) => ` - ${rule}: ${message} (line ${place.start})\n`);
  return `\n ${findings.length} warning${findings.length === 1 ? "" : "s"} found (use --check to expand):\n${lines.join("")}`;
}
