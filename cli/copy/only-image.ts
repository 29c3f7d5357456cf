/** The one image that is meant, of a place that may hold several. */
import { StoreError } from "../../store/errors.ts";

interface Choice<T> {
  /** What was asked for; undefined: the only one. */
  readonly name: string | undefined;
  readonly place: string;
  readonly all: readonly T[];
  /** As it can be asked for. */
  readonly nameOf: (image: T) => string;
}

/** @throws {StoreError} `IMAGE_UNKNOWN`, with the names of those that are there */
export function onlyImage<T>(fitting: readonly T[], { name, place, all, nameOf }: Choice<T>): T {
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  const names = (images: readonly T[]): string => [...new Set(images.map(nameOf))].join(", ");
  if (only === undefined) throw new StoreError("IMAGE_UNKNOWN", `Cannot find ${name ?? "the image"} in ${place}: it holds ${names(all) || "no image"}`);
  const hint = name === undefined ? "Name one, after a colon" : "Name one by its digest";
  throw new StoreError("IMAGE_UNKNOWN", `Cannot find ${name ?? "the image"} in ${place}: ${fitting.length} images fit: ${names(fitting)}`, { hint });
}
