/** ENV, LABEL and ARG: how pairs are written, what does not belong in them, which variables nobody set. */
import { shellWords } from "../../dockerfile/words.ts";
import type { Checked } from "../checked.ts";
import type { Finding } from "../finding.ts";
import type { Written } from "../written.ts";

export function legacyKeyValueFormat({ written, dockerfile }: Checked): readonly Finding[] {
  const { escape } = dockerfile.directives;
  return written.flatMap((one) => {
    const { instruction, keyword, words } = one;
    if (instruction.kind !== "ENV" && instruction.kind !== "LABEL") return [];
    const [key, first] = words;
    const isLegacy = shellWords(instruction.text.slice(keyword.length), escape)[0]?.includes("=") === false;
    if (!isLegacy || key === undefined || first === undefined) return [];
    const value = instruction.text.slice(first.start);
    const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
    const better = quoted(value, escape);
    return [
      {
        rule: "LegacyKeyValueFormat" as const,
        message,
        place: instruction.place,
        advice: `Write ${keyword} ${key.text}=${better ?? "VALUE"}`,
        edits: better === undefined ? [] : pairEdits(one, { key, first, value, better }),
      },
    ];
  });
}

interface LegacyPair {
  readonly key: Written["words"][number];
  readonly first: Written["words"][number];
  readonly value: string;
  readonly better: string;
}

/** Only the blanks between and the quotes around are edited, so that a value may go over several lines. */
function pairEdits(written: Written, { key, first, value, better }: LegacyPair): Finding["edits"] {
  const end = written.instruction.text.length;
  const isWrapped = better === `"${value}"`;
  const middle = written.edit(key.end, first.start, isWrapped ? '="' : "=");
  const rest = isWrapped ? written.edit(end, end, '"') : better === value ? undefined : written.edit(first.start, end, better);
  return middle.length === 0 || rest?.length === 0 ? [] : [...middle, ...(rest ?? [])];
}

/** The same value as one word; undefined when its quotes are not closed. */
function quoted(value: string, escape: string): string | undefined {
  if (!/\s/.test(value)) return value;
  if (!/["'\\`]/.test(value)) return `"${value}"`;
  let quote = "";
  let out = "";
  for (let at = 0; at < value.length; at++) {
    const char = value[at] ?? "";
    if (char === escape && quote !== "'") {
      out += char + (value[++at] ?? "");
      continue;
    }
    if (quote === "" ? char === '"' || char === "'" : char === quote) quote = quote === "" ? char : "";
    out += quote === "" && /\s/.test(char) ? `${escape}${char}` : char;
  }
  return quote === "" ? out : undefined;
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;

export function secretsUsedInArgOrEnv({ stages }: Checked): readonly Finding[] {
  return stages
    .flatMap(({ body }) => body)
    .flatMap(({ instruction }) => {
      const { kind, place } = instruction;
      const names = kind === "ARG" ? instruction.args : kind === "ENV" ? instruction.pairs : [];
      return names
        .filter(({ name }) => SECRET.test(name) && !NO_SECRET.test(name))
        .map(({ name }) => ({
          rule: "SecretsUsedInArgOrEnv" as const,
          message: `Do not use ARG or ENV instructions for sensitive data (${kind} ${JSON.stringify(name)})`,
          place,
          advice: `Give it to the RUN that needs it: --secret id=${name} and RUN --mount=type=secret,id=${name},env=${name}`,
          edits: [],
        }));
    });
}

export function undefinedVar({ facts }: Checked): readonly Finding[] {
  return facts.undefinedVariables.map(({ message, place }) => {
    const near = /did you mean \$(\w+)\?/.exec(message)?.[1];
    const name = /'\$([^']+)'/.exec(message)?.[1] ?? "NAME";
    const advice = near === undefined ? `Declare it in this stage: ARG ${name} or ENV ${name}=VALUE` : `Write $${near}, or declare ARG ${name}`;
    return { rule: "UndefinedVar", message, place, advice, edits: [] };
  });
}
