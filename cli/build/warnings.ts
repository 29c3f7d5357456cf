/** What is allowed but unwise, in few words under an ordinary build; `--check` says more. */
import { checkDockerfile, NO_FACTS } from "../../builder/check/check.ts";
import type { Finding } from "../../builder/check/finding.ts";
import type { BuildRequest, BuildResult } from "../../builder/request.ts";
import { checkInput } from "./check-input.ts";

/** What the plan found is part of the result. */
export function buildWarnings(request: BuildRequest, { warnings: planned, bases }: Pick<BuildResult, "warnings" | "bases">): readonly Finding[] {
  const undefinedVariables = planned.filter(({ rule }) => rule === "UndefinedVar");
  return checkDockerfile(checkInput(request), { ...NO_FACTS, undefinedVariables, bases }).findings;
}

/** Empty when there is nothing to say. */
export function warningsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  const lines = findings.map(({ rule, message, place }) => ` - ${rule}: ${message} (line ${place.start})\n`);
  return `\n ${findings.length} warning${findings.length === 1 ? "" : "s"} found (use --check to expand):\n${lines.join("")}`;
}
