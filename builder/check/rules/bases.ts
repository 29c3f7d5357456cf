/** FROM: its arguments and its platform. */
import { formatPlatform, parsePlatform } from "../../../store/image/platform.ts";
import { parseReference } from "../../../store/reference.ts";
import { substitute } from "../../dockerfile/substitute.ts";
import { suggest } from "../../dockerfile/suggest.ts";
import type { Checked, WrittenStage } from "../checked.ts";
import type { Finding } from "../finding.ts";

export function undefinedArgInFrom({ stages, globals, dockerfile }: Checked): readonly Finding[] {
  const known = new Set([...globals.values.keys(), ...globals.declared]);
  return stages.flatMap(({ from }) => {
    const { image, platform = "" } = from.instruction;
    const unset = [image, platform].flatMap((word) => [...(expand(word, globals.values, dockerfile.directives.escape)?.unset ?? [])]);
    return unset
      .filter((name) => !known.has(name))
      .map((name) => {
        const near = suggest(name, known);
        return {
          rule: "UndefinedArgInFrom" as const,
          message: `FROM argument '${name}' is not declared${near === undefined ? "" : ` (did you mean ${near}?)`}`,
          place: from.instruction.place,
          advice:
            near === undefined ? `Declare it before the first FROM: ARG ${name}=VALUE` : `Write ${near}, or declare ARG ${name}=VALUE before the first FROM`,
          edits: [],
        };
      });
  });
}

export function invalidDefaultArgInFrom({ stages, defaults, dockerfile }: Checked): readonly Finding[] {
  return stages.flatMap(({ from, parent }) => {
    const { image, place } = from.instruction;
    const name = parent !== undefined ? undefined : expand(image, defaults.values, dockerfile.directives.escape)?.text;
    if (name === undefined || isReference(name)) return [];
    const message = `Default value for ARG ${image} results in empty or invalid base image name`;
    return [{ rule: "InvalidDefaultArgInFrom", message, place, advice: "Give the ARG a default that makes a whole image name", edits: [] }];
  });
}

export function redundantTargetPlatform({ stages, globals, dockerfile }: Checked): readonly Finding[] {
  return stages.flatMap(({ from }) => {
    const { platform, place } = from.instruction;
    const names = [...(platform ?? "").matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
    const expanded = platform === undefined ? undefined : expand(platform, globals.values, dockerfile.directives.escape)?.text;
    if (platform === undefined || names.length === 0 || names.some((name) => name !== "TARGETPLATFORM")) return [];
    if (expanded !== globals.values.get("TARGETPLATFORM")) return [];
    const [flag, next] = from.words;
    const edits = flag !== undefined && next !== undefined ? from.edit(flag.start, next.start, "") : [];
    const message = `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`;
    return [{ rule: "RedundantTargetPlatform", message, place, advice: "Leave the flag out", edits }];
  });
}

/** A platform that the stage's name tells is meant so. */
export function fromPlatformFlagConst({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ from, name = "" }) => {
    const { platform = "$", place } = from.instruction;
    const parsed = platform.includes("$") ? undefined : parsePlatform(platform);
    if (parsed === undefined || name.includes(parsed.os) || name.includes(parsed.architecture)) return [];
    const message = `FROM --platform flag should not use constant value ${JSON.stringify(platform)}`;
    const advice = `Use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after ${parsed.architecture}`;
    return [{ rule: "FromPlatformFlagConstDisallowed", message, place, advice, edits: [] }];
  });
}

export function invalidBaseImagePlatform({ stages, facts }: Checked): readonly Finding[] {
  return stages.flatMap((stage: WrittenStage) => {
    const base = facts.bases.get(stage.index);
    if (base === undefined) return [];
    const { image, reference, platform } = base;
    if (image.config.os === platform.os && image.config.architecture === platform.architecture) return [];
    const [expected, actual] = [platform, image.config].map((one) => JSON.stringify(formatPlatform(one)));
    const message = `Base image ${reference} was pulled with platform ${actual}, expected ${expected} for current build`;
    const advice = `Use an image for ${formatPlatform(platform)}, or FROM --platform`;
    return [{ rule: "InvalidBaseImagePlatform", message, place: stage.from.instruction.place, advice, edits: [] }];
  });
}

/** What cannot be expanded fails the plan, which says why. */
function expand(word: string, values: ReadonlyMap<string, string>, escape: string): ReturnType<typeof substitute> | undefined {
  try {
    return substitute(word, values, { escape });
  } catch {
    return undefined;
  }
}

function isReference(name: string): boolean {
  try {
    return parseReference(name) !== undefined;
  } catch {
    return false;
  }
}
