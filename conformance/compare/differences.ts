/** Where two images differ, as sentences in a fixed order. Empty: they are the same. */
import type { Image } from "../image/archive.ts";
import { configDifferences, historyDifferences } from "./config.ts";
import { treeDifferences } from "./tree.ts";

/** What a builder made: an image, or nothing. */
export type Outcome = { readonly kind: "built"; readonly image: Image } | { readonly kind: "refused"; readonly output: string };

/** `one` and `other` name the builders. Histories are compared where the builders write the same kind of it. */
export function differences(one: string, first: Outcome, other: string, second: Outcome, withHistory: boolean): readonly string[] {
  if (first.kind === "refused") return second.kind === "refused" ? [] : [`${one} refuses`];
  if (second.kind === "refused") return [`${other} refuses`];
  return [
    ...treeDifferences(first.image.tree, second.image.tree),
    ...configDifferences(first.image.config, second.image.config),
    ...(withHistory ? historyDifferences(first.image.config, second.image.config) : []),
  ];
}
