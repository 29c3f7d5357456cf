/** Upper and lower case: of instructions, of AS, of stage names. */
import type { Checked, WrittenOf } from "../checked.ts";
import type { Edit, Finding } from "../finding.ts";
import type { Written } from "../written.ts";

const isLower = (word: string): boolean => word === word.toLowerCase();
const isUpper = (word: string): boolean => word === word.toUpperCase();

/** A keyword in mixed case counts for neither side; arguments before the first FROM do not count. */
export function consistentInstructionCasing({ stages }: Checked): readonly Finding[] {
  const counted = stages.flatMap(({ from, body }) => [from, ...body]);
  const lower = counted.filter(({ keyword }) => isLower(keyword)).length;
  const upper = counted.filter(({ keyword }) => isUpper(keyword) && !isLower(keyword)).length;
  const wanted = lower > upper ? "lowercase" : "uppercase";
  return counted
    .filter(({ keyword }) => (wanted === "lowercase" ? !isLower(keyword) : !isUpper(keyword)))
    .map((written) => {
      const better = wanted === "lowercase" ? written.keyword.toLowerCase() : written.keyword.toUpperCase();
      return {
        rule: "ConsistentInstructionCasing",
        message: `Command '${written.keyword}' should match the case of the command majority (${wanted})`,
        place: written.instruction.place,
        advice: `Write ${better}`,
        edits: written.edit(0, written.keyword.length, better),
      };
    });
}

export function fromAsCasing({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ from }) => {
    const as = asWord(from);
    const { keyword } = from;
    const wanted = isLower(keyword) ? as?.text.toLowerCase() : isUpper(keyword) ? as?.text.toUpperCase() : as?.text;
    if (as === undefined || wanted === undefined || as.text === wanted) return [];
    const message = `'${as.text}' and '${keyword}' keywords' casing do not match`;
    return [{ rule: "FromAsCasing", message, place: from.instruction.place, advice: `Write ${wanted}`, edits: from.edit(as.start, as.end, wanted) }];
  });
}

/** The name and all that refer to it are written anew; nobody's meaning changes, for names are compared in any case. */
export function stageNameCasing({ stages, written }: Checked): readonly Finding[] {
  return stages.flatMap(({ from }) => {
    const name = from.words.at(-1);
    if (asWord(from) === undefined || name === undefined || isLower(name.text)) return [];
    const better = name.text.toLowerCase();
    const own = from.edit(name.start, name.end, better);
    const edits = own.length === 0 ? [] : [...own, ...written.flatMap((other) => referencesTo(other, better))];
    return [
      { rule: "StageNameCasing", message: `Stage name '${name.text}' should be lowercase`, place: from.instruction.place, advice: `Name it ${better}`, edits },
    ];
  });
}

function asWord({ words }: WrittenOf<"FROM">): Written["words"][number] | undefined {
  const plain = words.filter(({ text }) => !text.startsWith("--"));
  return plain.length === 3 ? plain[1] : undefined;
}

/** `FROM Name`, `--from=Name` and `--mount=from=Name` in other than lower case. */
function referencesTo(written: Written, name: string): readonly Edit[] {
  const { kind } = written.instruction;
  return written.words.flatMap((word, at) => {
    const isBase = kind === "FROM" && written.words.slice(0, at).every(({ text }) => text.startsWith("--")) && !word.text.startsWith("--");
    const [, lead = "", found = ""] = isBase ? ["", "", word.text] : (/^(--from=|--mount=(?:\S*,)?from=)([^,\s]+)/.exec(word.text) ?? []);
    const isFlag = isBase || kind === "COPY" || kind === "RUN";
    if (!isFlag || found === name || found.toLowerCase() !== name) return [];
    return written.edit(word.start + lead.length, word.start + lead.length + found.length, name);
  });
}
