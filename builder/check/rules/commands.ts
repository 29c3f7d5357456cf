/** What a container starts, where it works, who made it. */
import type { Checked, WrittenStage } from "../checked.ts";
import { isOf } from "../checked.ts";
import type { Finding } from "../finding.ts";
import type { Written } from "../written.ts";

/** A SHELL of one's own says that the shell is meant. */
export function jsonArgsRecommended({ stages, facts }: Checked): readonly Finding[] {
  return stages.flatMap((stage) => {
    let hasShell = startsWithShell(stage, facts.bases);
    return stage.body.flatMap(({ instruction, keyword }) => {
      hasShell ||= instruction.kind === "SHELL";
      if (hasShell || (instruction.kind !== "CMD" && instruction.kind !== "ENTRYPOINT") || instruction.command.form !== "shell") return [];
      const message = `JSON arguments recommended for ${keyword} to prevent unintended behavior related to OS signals`;
      return [{ rule: "JSONArgsRecommended" as const, message, place: instruction.place, advice: jsonAdvice(keyword, instruction.command.text), edits: [] }];
    });
  });
}

function startsWithShell({ index, parent }: WrittenStage, bases: Checked["facts"]["bases"]): boolean {
  if (parent !== undefined) return parent.body.some(({ instruction }) => instruction.kind === "SHELL") || startsWithShell(parent, bases);
  return (bases.get(index)?.image.config.config?.Shell?.length ?? 0) > 0;
}

function jsonAdvice(keyword: string, text: string): string {
  if (/[\s]/.test(text) && /["'\\$`|&;<>(){}*?[\]#~!=]/.test(text))
    return `Write the program and its arguments as JSON, or declare SHELL when the shell is meant`;
  return `Write ${keyword} [${text
    .split(/\s+/)
    .map((word) => JSON.stringify(word))
    .join(", ")}]`;
}

export function maintainerDeprecated({ written }: Checked): readonly Finding[] {
  return written.filter(isOf("MAINTAINER")).map((one) => {
    const { value, place, text } = one.instruction;
    const label = one.keyword === one.keyword.toLowerCase() ? "label" : "LABEL";
    const isPlain = !/["\\$`\n]/.test(value);
    const edits = isPlain ? one.edit(0, text.length, `${label} org.opencontainers.image.authors="${value}"`) : [];
    const message = "Maintainer instruction is deprecated in favor of using label";
    return { rule: "MaintainerDeprecated", message, place, advice: `Write ${label} org.opencontainers.image.authors="${value}"`, edits };
  });
}

/** Only the first of a stage, and of what it stands on, matters: it makes those after it absolute. */
export function workdirRelativePath({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ body, parent }) => {
    const first = body.find(isOf("WORKDIR"));
    if (first === undefined || hasWorkdir(parent) || /^["']?[/$]/.test(first.instruction.value)) return [];
    const { value, place } = first.instruction;
    const message = `Relative workdir ${JSON.stringify(value)} can have unexpected results if the base image changes`;
    return [{ rule: "WorkdirRelativePath", message, place, advice: `Write the whole path, for example /${value}`, edits: [] }];
  });
}

function hasWorkdir(stage: WrittenStage | undefined): boolean {
  return stage !== undefined && (stage.body.some(isOf("WORKDIR")) || hasWorkdir(stage.parent));
}

/** The one before is reported, for it has no effect; taking it out changes nothing. */
export function multipleInstructions({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ body }) => {
    const last = new Map<string, Written>();
    return body.flatMap((written) => {
      const { kind } = written.instruction;
      if (kind !== "CMD" && kind !== "ENTRYPOINT" && kind !== "HEALTHCHECK") return [];
      const before = last.get(kind);
      last.set(kind, written);
      if (before === undefined) return [];
      const message = `Multiple ${written.keyword} instructions should not be used in the same stage because only the last one will be used`;
      const edits = [{ start: before.lines.start, end: before.lines.end, text: "" }];
      return [{ rule: "MultipleInstructionsDisallowed" as const, message, place: before.instruction.place, advice: "Take this one out", edits }];
    });
  });
}
