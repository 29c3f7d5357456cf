/** Annotations as a build is asked for them: a level, perhaps a platform, a key and a value. */
import type { AnnotationLevel, Annotator } from "../../store/image/annotator.ts";
import { formatPlatform, matches, parsePlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { BuilderError } from "../errors.ts";

export interface Annotation {
  readonly level: AnnotationLevel;
  /** Undefined: of every manifest. */
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

const LEVELS: readonly AnnotationLevel[] = ["manifest", "index", "manifest-descriptor", "index-descriptor"];
const LEVEL_WORD = /^(?<level>[a-z-]+)(?:\[(?<platform>[^\]]+)\])?$/;

/** `[level[platform][,level…]:]key=value`: one annotation for each level. @throws {BuilderError} `FLAG_INVALID` */
export function parseAnnotation(text: string): readonly Annotation[] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new BuilderError("FLAG_INVALID", `Cannot read annotation ${text}: write [level:]key=value`);
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const colon = /^(?:[a-z-]+(?:\[[^\]]*\])?,?)+:/.exec(name)?.[0].length ?? 0;
  const key = name.slice(colon);
  if (key === "") throw new BuilderError("FLAG_INVALID", `Cannot read annotation ${text}: its key is empty`);
  const words = colon === 0 ? ["manifest"] : name.slice(0, colon - 1).split(",");
  return words.map((word) => ({ ...parseLevel(word, text), key, value }));
}

/** @throws {BuilderError} `FLAG_INVALID` */
export function parseLevel(word: string, text: string): Pick<Annotation, "level" | "platform"> {
  const groups = LEVEL_WORD.exec(word)?.groups;
  const level = LEVELS.find((known) => known === groups?.["level"]);
  if (level === undefined) throw new BuilderError("FLAG_INVALID", `Cannot read annotation ${text}: level ${word} is none of ${LEVELS.join(", ")}`);
  const wanted = groups?.["platform"];
  if (wanted === undefined) return { level, platform: undefined };
  if (level.startsWith("index")) throw new BuilderError("FLAG_INVALID", `Cannot read annotation ${text}: an index is of no platform`);
  const platform = parsePlatform(wanted);
  if (platform === undefined) throw new BuilderError("FLAG_INVALID", `Cannot read annotation ${text}: ${wanted} is no platform`);
  return { level, platform };
}

/** @throws {BuilderError} `FLAG_INVALID` when one is for an index and there is none, or for a platform that was not built */
export function checkAnnotations(annotations: readonly Annotation[], platforms: readonly Platform[], isIndex: boolean): void {
  for (const { level, platform, key } of annotations) {
    if (level.startsWith("index") && !isIndex)
      throw new BuilderError("FLAG_INVALID", `Cannot annotate the index with ${key}: index annotations not supported for single platform export`);
    if (platform !== undefined && !platforms.some((built) => matches(built, platform)))
      throw new BuilderError(
        "FLAG_INVALID",
        `Cannot annotate ${formatPlatform(platform)} with ${key}: the build is for ${platforms.map(formatPlatform).join(", ")}`,
      );
  }
}

/** A later one of the same key wins. */
export function annotatorOf(annotations: readonly Annotation[]): Annotator {
  return (level, platform) =>
    Object.fromEntries(
      annotations
        .filter((one) => one.level === level && (one.platform === undefined || (platform !== undefined && matches(platform, one.platform))))
        .map(({ key, value }) => [key, value]),
    );
}
