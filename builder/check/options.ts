/**
 * Which checks are on: `skip=A,B;error=true;experimental=C`, from the `# check=` directive, a build argument, or a comment
 * above one instruction. Spec: Dockerfile reference, "check"; Docker docs, "Build checks".
 */
import { BuilderError } from "../errors.ts";
import { isExperimental, type RuleName } from "./finding.ts";

/** The build argument that stands in for the directive. */
export const CHECK_ARG = "BUILDKIT_DOCKERFILE_CHECK";

type Names = "all" | ReadonlySet<string>;

export interface CheckOptions {
  readonly skip: Names;
  readonly experimental: Names;
  /** Findings fail the build. */
  readonly error: boolean;
}

/** @throws {BuilderError} `DOCKERFILE_INVALID` for an option that there is not */
export function parseCheckOptions(text: string | undefined): CheckOptions {
  const options: { -readonly [Key in keyof CheckOptions]: CheckOptions[Key] } = { skip: new Set(), experimental: new Set(), error: false };
  for (const part of (text ?? "").trim() === "" ? [] : (text ?? "").split(";")) {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(0, equals)).trim();
    const value = part.slice(equals + 1).trim();
    if (equals >= 0 && (key === "skip" || key === "experimental")) options[key] = readNames(value);
    else if (equals >= 0 && key === "error") options.error = readBool(value, part);
    else
      throw new BuilderError("DOCKERFILE_INVALID", `Cannot read check option ${JSON.stringify(part.trim())}: invalid check option`, {
        hint: "Options are skip=RULE,RULE, error=true and experimental=RULE, with ; between them",
      });
  }
  return options;
}

/** With what the comments above an instruction add; only the first `check=` counts, and one that cannot be read counts for nothing. */
export function withComments(options: CheckOptions, comments: readonly string[]): CheckOptions {
  for (const comment of comments) {
    const check = directiveOf(comment);
    if (check === undefined) continue;
    try {
      const own = parseCheckOptions(check.split(" ", 1)[0]);
      return { ...options, skip: joined(options.skip, own.skip), experimental: joined(options.experimental, own.experimental) };
    } catch {
      return options;
    }
  }
  return options;
}

export function isOn(rule: RuleName, { skip, experimental }: CheckOptions): boolean {
  if (isExperimental(rule)) return experimental === "all" || experimental.has(rule);
  return skip !== "all" && !skip.has(rule);
}

function directiveOf(comment: string): string | undefined {
  return /^\s*check\s*=\s*(.+?)\s*$/i.exec(comment)?.[1];
}

function readNames(value: string): Names {
  return value === "all" ? "all" : new Set(value.split(",").map((name) => name.trim()));
}

/** As Go reads truth. */
function readBool(value: string, part: string): boolean {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw new BuilderError("DOCKERFILE_INVALID", `Cannot read check option ${JSON.stringify(part.trim())}: it is neither true nor false`);
}

function joined(one: Names, other: Names): Names {
  return one === "all" || other === "all" ? "all" : new Set([...one, ...other]);
}
