/** How checks, targets and outlines are shown: docker's text, and the JSON of BuildKit's subrequests. */
import type { BuilderError } from "../../builder/errors.ts";
import { RULES, type Finding } from "../../builder/check/finding.ts";
import type { Outline, Target, Wanted } from "../../builder/check/outline.ts";
import { frame } from "../../builder/dockerfile/frame.ts";
import type { Place } from "../../builder/dockerfile/instruction.ts";
import { sourceLines } from "../../builder/dockerfile/scan.ts";

interface Source {
  readonly text: string;
  readonly file: string;
}

export function checkText({ text, file }: Source, findings: readonly Finding[], error: BuilderError | undefined): string {
  if (findings.length === 0) return error === undefined ? "Check complete, no warnings found.\n" : "";
  const source = { file, lines: sourceLines(text) };
  const blocks = findings.map(({ rule, message, place, advice, edits }) => {
    const how = `${advice}${edits.length > 0 ? " (--check --fix does it)" : ""}`;
    return `\nWARNING: ${rule}\n${message}\n${frame(source, place).frame}\nSuggested fix: ${how}\n`;
  });
  const count = findings.length === 1 ? "1 warning has" : `${findings.length} warnings have`;
  return `Check complete, ${count} been found!\n${blocks.join("")}`;
}

export function checkJson(source: Source, findings: readonly Finding[], error: BuilderError | undefined): unknown {
  return {
    warnings: findings.map(({ rule, message, place, advice, edits }) => ({
      ruleName: rule,
      description: RULES[rule].description,
      detail: message,
      location: location(place),
      suggestedFix: advice,
      fixable: edits.length > 0,
    })),
    sources: [{ filename: source.file, language: "Dockerfile", data: Buffer.from(source.text).toString("base64") }],
    ...(error === undefined
      ? {}
      : { buildError: { message: error.message, location: error.place === undefined ? {} : location({ start: error.place.line, end: error.place.line }) } }),
  };
}

export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ name, isDefault, description }) => [[name ?? "", isDefault ? "(default)" : ""].filter(Boolean).join(" "), description]);
  return table([["TARGET", "DESCRIPTION"], ...rows], 1);
}

export function targetsJson({ text }: Source, targets: readonly Target[]): unknown {
  return {
    targets: targets.map(({ name, isDefault, description, base, platform, place }) =>
      given({ name, default: isDefault || undefined, description, base, platform, location: location(place) }),
    ),
    sources: [Buffer.from(text).toString("base64")],
  };
}

export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [["TARGET:", name ?? "(default)"], ...(description === "" ? [] : [["DESCRIPTION:", description]])];
  const wanted = (title: string, list: readonly Wanted[]): string =>
    list.length === 0 ? "" : `${table([[title, "REQUIRED"], ...list.map((one) => [one.name, one.required ? "true" : ""])], 3)}\n`;
  return [
    name === undefined && description === "" ? "" : `${table(head, 1)}\n`,
    args.length === 0 ? "" : `${table([["BUILD ARG", "VALUE", "DESCRIPTION"], ...args.map((arg) => [arg.name, arg.value, arg.description])], 3)}\n`,
    wanted("SECRET", secrets),
    wanted("SSH", ssh),
  ].join("");
}

export function outlineJson({ text }: Source, { name, description, args, secrets, ssh }: Outline): unknown {
  const wanted = (list: readonly Wanted[]): unknown =>
    list.length === 0 ? undefined : list.map((one) => given({ name: one.name, required: one.required || undefined, location: location(one.place) }));
  return given({
    name,
    description,
    args: args.length === 0 ? undefined : args.map((arg) => given({ ...arg, place: undefined, location: location(arg.place) })),
    secrets: wanted(secrets),
    ssh: wanted(ssh),
    sources: [Buffer.from(text).toString("base64")],
  });
}

/** One range a line, as BuildKit's. */
function location({ start, end }: Place): unknown {
  return { ranges: Array.from({ length: Math.max(1, end - start + 1) }, (_, at) => ({ start: { line: start + at }, end: { line: start + at } })) };
}

/** Go leaves out what is empty. */
function given(fields: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
}

function table(rows: readonly (readonly string[])[], pad: number): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + pad);
  return rows.map((row) => `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("")}\n`).join("");
}
