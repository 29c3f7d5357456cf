/** The result as a Markdown table and its sums. */
import type { Result } from "./result.ts";

type Compared = Extract<Result, { kind: "compared" }>;

export function isUnexplained(result: Result): boolean {
  return result.kind === "compared" && result.unexplained.length > 0;
}

export function report(results: readonly Result[], all: boolean): string {
  const compared = results.filter((result) => result.kind === "compared");
  const shown = all ? compared : compared.filter((result) => !(result.equalsBuildkit && result.equalsClassic));
  const head = ["Dockerfile", "strata = BuildKit?", "strata = classic?", "BuildKit = classic?", "first difference from BuildKit"];
  const lines = [head, head.map(() => "---"), ...shown.map((result) => rowOf(result))].map((cells) => `| ${cells.join(" | ")} |\n`);
  return [...lines, "\n", ...reasons(compared), ...sums(results, compared)].join("");
}

function rowOf(result: Compared): readonly string[] {
  const { strata, buildkit, classic } = result.outcomes;
  const verdict = (equal: boolean, ...kinds: readonly string[]): string => (!equal ? "no" : kinds.every((kind) => kind === "refused") ? "both refuse" : "yes");
  const isExplained = result.unexplained.length === 0 && !result.equalsBuildkit;
  const own = isExplained ? `no: ${result.explained.map(({ name }) => name).join(", ")}` : verdict(result.equalsBuildkit, strata.kind, buildkit.kind);
  return [
    result.row.name,
    own,
    verdict(result.equalsClassic, strata.kind, classic.kind),
    verdict(result.buildkitEqualsClassic, buildkit.kind, classic.kind),
    cell(result.first ?? ""),
  ];
}

function cell(text: string): string {
  const short = text.length > 160 ? `${text.slice(0, 157)}…` : text;
  return short.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** A row in the making: all that nothing explains, with what a builder said that refused alone. */
export function progressOf(result: Result): string {
  if (result.kind === "missing") return `${result.row.name}: missing\n`;
  const { row, unexplained, outcomes, equalsBuildkit } = result;
  if (unexplained.length === 0) return `${row.name}: ${equalsBuildkit ? "equal" : "explained"}\n`;
  const { strata, buildkit } = outcomes;
  const said = strata.kind === "refused" ? strata.output : buildkit.kind === "refused" ? buildkit.output : "";
  const last = said.trimEnd().split("\n").slice(-12);
  return [`${row.name}:`, ...unexplained.map((line) => `  ${line}`), ...(said === "" ? [] : last.map((line) => `    ${line}`)), ""].join("\n");
}

/** What explains the rows that are shown as such. */
function reasons(compared: readonly Compared[]): readonly string[] {
  const used = [...new Set(compared.flatMap(({ explained }) => explained))];
  const lines = used.map((one) => {
    const { name, reason, fact } = one;
    return `- ${name} (${compared.filter(({ explained }) => explained.includes(one)).length}): ${reason} [${fact}]\n`;
  });
  return lines.length === 0 ? [] : [...lines, "\n"];
}

function sums(results: readonly Result[], compared: readonly Compared[]): readonly string[] {
  const count = (is: (result: Compared) => boolean): number => compared.filter(is).length;
  const built = (result: Compared): boolean => result.outcomes.buildkit.kind === "built";
  const missing = results.filter(({ kind }) => kind === "missing").map(({ row }) => row.name);
  return [
    `${compared.length} Dockerfiles, ${count(built)} built by BuildKit\n`,
    `equal to BuildKit: ${count((one) => one.equalsBuildkit && built(one))}, refused by both: ${count((one) => one.equalsBuildkit && !built(one))}, `,
    `explained: ${count((one) => !one.equalsBuildkit && one.unexplained.length === 0)}, unexplained: ${count(isUnexplained)}\n`,
    `equal to classic: ${count((one) => one.equalsClassic)}; BuildKit equal to classic: ${count((one) => one.buildkitEqualsClassic)}; `,
    `refused by all: ${count(({ outcomes }) => Object.values(outcomes).every(({ kind }) => kind === "refused"))}\n`,
    ...(missing.length === 0 ? [] : [`missing, for their package has another version: ${missing.join(", ")}\n`]),
  ];
}
