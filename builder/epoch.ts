/** The time that everything in an image gets at the latest: SOURCE_DATE_EPOCH, or a constant so that builds are the same anywhere, any time. */
import { BuilderError } from "./errors.ts";

/** 1980-01-01T00:00:01Z, as Cloud Native Buildpacks use: the earliest that zip files can hold, and not mistaken for "no time". */
export const DEFAULT_EPOCH = 315_532_801;

export const EPOCH_ARG = "SOURCE_DATE_EPOCH";

/** As a value: the time of the context, where that came from elsewhere and has one. As BuildKit reads it. */
const OF_CONTEXT = "context";

/** 9999-12-31T23:59:59Z: dates of images have four digits for the year. */
const MAX_EPOCH = 253_402_300_799;

/** What a value of SOURCE_DATE_EPOCH stands for; undefined where it is to be the context's and that has none. @param contextTime seconds */
export function meantEpoch(text: string, contextTime: number | undefined): string | undefined {
  return text.trim() === OF_CONTEXT ? contextTime?.toString() : text;
}

/** The first that says something. Seconds. @throws {BuilderError} `FLAG_INVALID` */
export function firstEpoch(...texts: readonly (string | undefined)[]): number | undefined {
  const found = texts.find((text) => text !== undefined && text.trim() !== "");
  return found === undefined ? undefined : parseEpoch(found);
}

/** Seconds. @throws {BuilderError} `FLAG_INVALID` */
export function parseEpoch(text: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value <= MAX_EPOCH)) throw new BuilderError("FLAG_INVALID", `Cannot use SOURCE_DATE_EPOCH=${text}: expected seconds since 1970, or ${OF_CONTEXT}`);
  return value;
}
