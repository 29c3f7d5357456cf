/** The layers of an image, or the difference of two, as lines for people. */
import type { LayerChange } from "../../store/layer/changes.ts";
import { visibleLine } from "../visible.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import type { DescribedImage, DescribedLayer, FileChange, ImageDifference, LayerPair } from "./describe-layers.ts";

const LETTER = { added: "A", changed: "C", removed: "D" } as const;
const SIGN = { same: "=", changed: "~", added: "+", removed: "-" } as const;
const MAX_WASTE_LINES = 10;
const SIZE_WIDTH = 8;

export function* imageLines(image: DescribedImage): Iterable<string> {
  for (const layer of image.layers) {
    yield titleOf(layer);
    for (const change of layer.changes) yield `${String(layer.layer).padStart(3)} ${changeLine(change)}`;
    yield `    ${summary(layer)}`;
  }
  yield* wasteLines(image);
}

export function* differenceLines(difference: ImageDifference): Iterable<string> {
  const { before, after, config, layers, files } = difference;
  if (layers.every(({ state }) => state === "same") && config.length === 0) return;
  if (config.length > 0) yield "Configuration:";
  for (const { field, before: old, after: now } of config) yield `  ${visibleLine(field)}: ${value(old)} → ${value(now)}`;
  yield "Layers:";
  for (const pair of layers) yield* pairLines(pair);
  yield "Files:";
  for (const change of files) yield `  ${fileLine(change)}`;
  for (const image of [before, after])
    yield `${visibleLine(image.name)}: ${image.layers.length} layers, ${decimalSize(image.bytes)}, of it ${decimalSize(image.wasted)} wasted`;
}

function titleOf({ layer, diffID, instruction, bytes }: DescribedLayer): string {
  return `Layer ${layer} ${diffID.slice(7, 19)} ${decimalSize(bytes)} ${visibleLine(instruction)}`.trimEnd();
}

function changeLine({ kind, path, type, bytes, hides, files }: LayerChange): string {
  const size = (kind === "removed" ? hides : bytes) === 0 && type === "directory" ? "" : decimalSize(kind === "removed" ? hides : bytes);
  const note =
    kind === "removed" && type === "directory"
      ? ` (${files} ${files === 1 ? "file" : "files"})`
      : kind === "changed" && hides > 0
        ? ` (was ${decimalSize(hides)})`
        : "";
  return `${LETTER[kind]} ${size.padStart(SIZE_WIDTH)} /${visibleLine(path)}${type === "directory" ? "/" : ""}${note}`;
}

function summary({ changes, hides, wasted }: DescribedLayer): string {
  const count = (kind: LayerChange["kind"]): number => changes.filter((change) => change.kind === kind).length;
  const parts = [`${count("added")} added`, `${count("changed")} changed`, `${count("removed")} removed`];
  if (hides > 0) parts.push(`hides ${decimalSize(hides)} of layers below`);
  if (wasted > 0) parts.push(`${decimalSize(wasted)} of it hidden by later layers`);
  return parts.join(", ");
}

function* wasteLines({ layers, bytes, wasted, waste }: DescribedImage): Iterable<string> {
  yield `${layers.length} ${layers.length === 1 ? "layer" : "layers"}, ${decimalSize(bytes)}, of it ${decimalSize(wasted)} wasted`;
  for (const { path, bytes: size, layer, hiddenBy } of waste.slice(0, MAX_WASTE_LINES))
    yield `  ${decimalSize(size).padStart(SIZE_WIDTH)} /${visibleLine(path)} of layer ${layer + 1}, hidden by layer ${hiddenBy + 1}`;
  if (waste.length > MAX_WASTE_LINES) yield `  and ${waste.length - MAX_WASTE_LINES} files more`;
}

function* pairLines({ state, before, after, files = [] }: LayerPair): Iterable<string> {
  const layer = after ?? before;
  if (layer === undefined) return;
  const numbers = [before, after].map((one) => String(one?.layer ?? "").padStart(3)).join(" ");
  const sizes = state === "changed" ? `${decimalSize(before?.bytes ?? 0)} → ${decimalSize(layer.bytes)}` : decimalSize(layer.bytes);
  yield `${SIGN[state]} ${numbers} ${sizes} ${visibleLine(layer.instruction)}`.trimEnd();
  for (const change of files) yield `      ${fileLine(change)}`;
  if (state === "added" || state === "removed") for (const change of layer.changes) yield `      ${changeLine(change)}`;
}

function fileLine({ kind, path, before, after }: FileChange): string {
  const size = kind === "changed" ? after : (after ?? before);
  const note = kind === "changed" && before !== undefined && before !== after ? ` (was ${decimalSize(before)})` : "";
  return `${LETTER[kind]} ${(size === undefined ? "" : decimalSize(size)).padStart(SIZE_WIDTH)} /${visibleLine(path)}${note}`;
}

function value(given: unknown): string {
  return given === undefined ? "(none)" : JSON.stringify(given);
}
